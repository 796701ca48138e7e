"""Serves clone and fetch, also from a repo that was first pushed from a shallow clone."""

from dulwich.server import Backend, UploadPackHandler

from minpaas.server.git.wire import Wire


class ShallowAwareUploadPack(UploadPackHandler):
    """One fetch."""

    def __init__(self, backend: Backend, app: str, wire: Wire, *, stateless: bool = False, advertise: bool = False):
        super().__init__(backend, [app], wire, stateless_rpc=stateless, advertise_refs=advertise)
