"""A person's known_hosts gets our host key, and keeps everything else."""

import subprocess
from pathlib import Path

from minpaas.cli import known_hosts

NEW, OLD, OTHER = "ssh-ed25519 AAAAnew", "ssh-ed25519 AAAAold", "ssh-rsa AAAAother"
OURS = "[localhost]:2222,[127.0.0.1]:2222,[::1]:2222"


def test_a_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / ".ssh" / "known_hosts"
    assert known_hosts.remember(file, 2222, [f"{NEW} a comment"]) == "added"
    assert file.read_text() == f"{OURS} {NEW}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert known_hosts.remember(file, 2222, [NEW]) == ""


def test_what_is_about_others_stays(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    before = f"# mine\nexample.com {OTHER}\n\n[localhost]:2223 {OTHER}\nlocalhost {OTHER}\n@revoked * {OTHER}\n"
    file.write_text(before)
    file.chmod(0o644)
    assert known_hosts.remember(file, 2222, [NEW]) == "added"
    assert file.read_text() == f"{before}{OURS} {NEW}\n"
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_stale_key_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{OURS} {OLD}\n[localhost]:2222 {OLD}\n[paas]:2222,[localhost]:2222 {OLD}\n")
    assert known_hosts.remember(file, 2222, [NEW]) == "replaced"
    assert file.read_text() == f"[paas]:2222 {OLD}\n{OURS} {NEW}\n"


def test_a_stale_hashed_key_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = key.with_suffix(".pub").read_text().strip()
    file.write_text(f"[127.0.0.1]:2222 {public}\nexample.com {public}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    hashed = file.read_text().splitlines()
    assert all(line.startswith("|1|") for line in hashed)
    assert known_hosts.remember(file, 2222, [NEW]) == "replaced"
    assert file.read_text() == f"{hashed[1]}\n{OURS} {NEW}\n"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "known_hosts"
    real.write_text("")
    link.symlink_to(real)
    assert known_hosts.remember(link, 22, [NEW]) == "added"
    assert link.is_symlink()
    assert real.read_text() == f"localhost,127.0.0.1,::1 {NEW}\n"


def test_ssh_itself_finds_the_key(tmp_path: Path) -> None:
    file, key = tmp_path / "known_hosts", tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    known_hosts.remember(file, 2222, [key.with_suffix(".pub").read_text()])
    for name in ("[localhost]:2222", "[127.0.0.1]:2222", "[::1]:2222"):
        assert subprocess.run(["ssh-keygen", "-F", name, "-f", file], capture_output=True).returncode == 0
