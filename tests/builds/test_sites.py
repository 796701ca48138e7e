"""What is decided about trees of pages and about other languages, from as few files as show it; with no engine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from minpaas.plan import Folder, Plan, PlanError, plan
from minpaas.server.runtimes import generate


def package(start: str = "", build: str = "", needs: str = "", **more: Any) -> str:
    """A package.json; `needs` are its dependencies, such as  vite next@11 ."""
    scripts = {"start": start, "build": build, **more.pop("scripts", {})}
    named = [one.rpartition("@") if "@" in one[1:] else (one, "", "*") for one in needs.split()]
    return json.dumps(
        {
            "scripts": {name: line for name, line in scripts.items() if line},
            "dependencies": {name: version for name, _, version in named},
            **more,
        }
    )


def planned(folder: Path, files: Mapping[str, str]) -> Plan:
    """The plan of a tree with these files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return plan(Folder(folder))


PAGE = "<p>a page</p>"
SITES: list[tuple[str, dict[str, str], str, str]] = [
    # what it is, files, the folder that is served, what unknown paths get
    ("hexo", {"package.json": package("hexo server -p $PORT", "hexo generate", "hexo")}, "public", ""),
    (
        "electron around pages of their own",
        {"package.json": package('concurrently "react-scripts start" "electron ."', "react-scripts build", "electron react-scripts", main="public/electron.js")},
        "build",
        "index.html",
    ),
    ("hexo without build", {"package.json": package(needs="hexo", scripts={"generate": "hexo g"})}, "public", ""),
    (
        "vitepress in docs",
        {"package.json": package(needs="vitepress", scripts={"docs:build": "vitepress build docs"})},
        "docs/.vitepress/dist",
        "",
    ),
    (
        "vuepress",
        {"package.json": package("vuepress dev src", "vuepress build src", "vuepress")},
        "src/.vuepress/dist",
        "",
    ),
    ("preact", {"package.json": package("preact watch", "preact build", "preact-cli")}, "build", "index.html"),
    ("ember", {"package.json": package("ember serve", "ember build", "ember-cli")}, "dist", "index.html"),
    (
        "storybook",
        {"package.json": package(needs="@storybook/react storybook", scripts={"build-storybook": "storybook build"})},
        "storybook-static",
        "",
    ),
    (
        "eleventy",
        {
            "package.json": package("npx @11ty/eleventy --serve", "npx @11ty/eleventy", "@11ty/eleventy"),
            ".eleventy.js": "module.exports = () => ({ dir: { input: 'src', output: 'www' } });",
        },
        "www",
        "",
    ),
    ("parcel", {"package.json": package("parcel index.html", "parcel build index.html -d out", "parcel@1")}, "out", "index.html"),
    (
        "webpack",
        {
            "package.json": package("webpack serve --open", "webpack", "webpack@5"),
            "webpack.config.js": "module.exports = { output: { path: path.resolve(__dirname, 'build') } }",
        },
        "build",
        "index.html",
    ),
    (
        "vite with a root of its own",
        {
            "package.json": package(build="tsc && vite build", needs="vite"),
            "vite.config.ts": "export default { root: 'src', build: { outDir: '../dist' } } // outDir: 'wrong'",
        },
        "dist",
        "index.html",
    ),
    (
        "vite with a path",
        {
            "package.json": package(build="vite build", needs="vite"),
            "vite.config.js": "export default { build: { outDir: path.resolve(__dirname, 'build') } }",
        },
        "build",
        "index.html",
    ),
    (
        "create-react-app started beside sass",
        {"package.json": package('concurrently "npm:css" "react-scripts start"', "react-scripts build", "react-scripts@5")},
        "build",
        "index.html",
    ),
    (
        "create-react-app of Windows",
        {"package.json": package("set PORT=3006 && react-scripts --openssl-legacy-provider start", "react-scripts build", "react-scripts@4")},
        "build",
        "index.html",
    ),
    (
        "next export",
        {"package.json": package("next start", "next build", "next"), "next.config.mjs": "export default { output: 'export' }"},
        "out",
        "",
    ),
    ("next export of old", {"package.json": package("next dev", "next build && next export -o site", "next@11")}, "site", ""),
    (
        "react router as a single page",
        {
            "package.json": package("react-router-serve ./build/server/index.js", "react-router build", "@react-router/dev"),
            "react-router.config.ts": "export default { ssr: false }",
        },
        "build/client",
        "index.html",
    ),
    (
        "angular with a library first",
        {
            "package.json": package("ng serve", "ng build", "@angular/core @angular/router"),
            "angular.json": json.dumps(
                {
                    "projects": {
                        "ui": {"projectType": "library", "architect": {"build": {"builder": "x:ng-packagr"}}},
                        "shop": {"architect": {"build": {"builder": "@angular/build:application"}}},
                    }
                }
            ),
        },
        "dist/shop/browser",
        "index.html",
    ),
    (
        "angular of old",
        {"package.json": package("ng serve", "ng build --prod", "@angular/core@5"), ".angular-cli.json": '{"apps": [{"outDir": "www"}]}'},
        "www",
        "index.html",
    ),
    (
        "svelte by rollup",
        {"package.json": package("sirv public --no-clear", "rollup -c", "sirv-cli svelte rollup"), "public/index.html": PAGE},
        "public",
        "",
    ),
    (
        "tools only",
        {"package.json": package(main="index.js"), "index.html": PAGE, "index.js": "document.addEventListener('x', y)"},
        ".",
        "",
    ),
    ("a gulpfile as main", {"package.json": package(main="gulpfile.js", needs="gulp"), "index.html": PAGE, "gulpfile.js": "browserSync.listen(x)"}, ".", ""),
    ("browser-sync with a folder", {"package.json": package("browser-sync start --server './web' --files x"), "web/index.html": PAGE, "public/index.html": PAGE}, "web", ""),
    ("live-server", {"package.json": package("live-server --port=3000", needs="live-server"), "index.html": PAGE}, ".", ""),
    (
        "heroku-postbuild alone, with static.json",
        {"package.json": package(scripts={"heroku-postbuild": "./build.sh"}), "static.json": '{"root": "public_html/", "routes": {"/*": "index.html"}}'},
        "public_html",
        "index.html",
    ),
    (
        "astro with a node adapter that is not used",
        {"package.json": package("astro dev", "astro build", "astro @astrojs/node"), "astro.config.mjs": "export default {} // adapter: node()"},
        "dist",
        "",
    ),
    ("rsbuild", {"package.json": package(build="rsbuild build", needs="@rsbuild/core")}, "dist", "index.html"),
    ("quasar", {"package.json": package(build="quasar build", needs="quasar @quasar/app-vite"), "index.html": PAGE}, "dist/spa", "index.html"),
    (
        "remix as a single page",
        {
            "package.json": package(build="remix vite:build", needs="@remix-run/react @remix-run/dev vite"),
            "vite.config.ts": "export default { plugins: [remix({ ssr: false })] }",
        },
        "build/client",
        "index.html",
    ),
    (
        "sveltekit with a page for other paths",
        {
            "package.json": package(build="vite build", needs="@sveltejs/kit @sveltejs/adapter-static vite"),
            "svelte.config.js": "import adapter from '@sveltejs/adapter-static';\nexport default { kit: { adapter: adapter({ fallback: '200.html' }) } }",
        },
        "build",
        "200.html",
    ),
    ("expo", {"package.json": package("expo start", needs="expo react-native-web")}, "dist", "index.html"),
    (
        "an ejected create-react-app",
        {
            "package.json": package("node scripts/start.js", "node scripts/build.js", "webpack react-dev-utils"),
            "scripts/start.js": "process.env.NODE_ENV = 'development';\nnew WebpackDevServer(x).listen(process.env.PORT || 3000);",
        },
        "build",
        "index.html",
    ),
    (
        "the template of vue 2",
        {
            "package.json": package("node build/dev-server.js", "node build/build.js", "webpack@2 express"),
            "build/dev-server.js": "app = express()\napp.use(require('connect-history-api-fallback')())\napp.use(require('webpack-dev-middleware')(x))\napp.listen(1)",
        },
        "dist",
        "index.html",
    ),
    ("a build of its own alone", {"package.json": package(build="node build.mjs")}, "dist", ""),
    (
        "the command of vercel.json",
        {
            "package.json": package("vite", needs="vite", scripts={"pages": "vite build"}),
            "vercel.json": '{"buildCommand": "CI=\'\' npm run pages", "outputDirectory": "out", "builds": []}',
        },
        "out",
        "index.html",
    ),
    ("hugo by npm", {"package.json": package("hugo server", "hugo", "hugo-bin"), "hugo.toml": "", "content/a.md": ""}, "public", ""),
    ("docsify", {"package.json": package("docsify serve docs", needs="docsify-cli"), "docs/index.html": PAGE}, "docs", ""),
    ("assets of a worker", {"wrangler.jsonc": '{ // a\n"assets": {"directory": "./assets", "not_found_handling": "single-page-application"},}', "assets/index.html": PAGE}, "assets", "index.html"),
    ("pages of azure", {"staticwebapp.config.json": '{"navigationFallback": {"rewrite": "/index.html"}}', "index.html": PAGE}, ".", "index.html"),
    ("pages of surge", {"index.html": PAGE, "200.html": PAGE}, ".", "200.html"),
    ("hugo with its pages", {"hugo.toml": "", "content/a.md": "", "public/index.html": PAGE}, "public", ""),
    ("in docs", {"docs/index.html": PAGE, "README.md": ""}, "docs", ""),
    ("a committed build", {"dist/index.html": PAGE, "src/main.ts": ""}, "dist", ""),
    ("static.json of one that builds", {"static.json": '{"root": "site/", "routes": {"/**": "app.html"}}', "package.json": package(build="vite build", needs="vite")}, "site", "app.html"),
    ("static.json with headers only", {"static.json": '{"headers": {"/**": {"X-A": "b"}}}', "index.html": PAGE}, ".", ""),
    ("static.json that leads out", {"static.json": '{"root": "../client"}', "index.html": PAGE}, ".", ""),
    ("static.json with a full path", {"static.json": '{"root": "/app/www"}', "www/index.html": PAGE}, "www", ""),
    ("static.json with the routes of Vercel", {"static.json": '{"routes": [{"src": "/(.*)", "dest": "/index.html"}]}', "index.html": PAGE}, ".", "index.html"),
    ("Staticfile with try_files", {"Staticfile": "root: .\ntry_files: {path} /index.html\n", "index.html": PAGE}, ".", "index.html"),
    ("redirects of Netlify", {"index.html": PAGE, "_redirects": "/*  /index.html  200\n"}, ".", "index.html"),
    (
        "netlify.toml",
        {"netlify.toml": '[build]\npublish = "made"\n[[redirects]]\nfrom = "/*"\nto = "/index.html"\nstatus = 200\n', "package.json": package(build="astro build", needs="astro")},
        "made",
        "index.html",
    ),
    (
        "vercel.json",
        {"vercel.json": '{"rewrites": [{"source": "/(.*)", "destination": "/"}]}', "index.html": PAGE},
        ".",
        "index.html",
    ),
    (
        "render.yaml",
        {"render.yaml": "services:\n  - type: web\n    runtime: static\n    staticPublishPath: ./web\n", "web/index.html": PAGE, "index.html": PAGE},
        "web",
        "",
    ),
    ("ruby that only serves pages", {"config.ru": "use Rack::Static, root: 'public' # no Rails.application", "Gemfile": "", "public/index.html": PAGE}, "public", ""),
]  # fmt: skip


@pytest.mark.parametrize(("files", "root", "fallback"), [one[1:] for one in SITES], ids=[one[0] for one in SITES])
def test_a_site(tmp_path: Path, files: dict[str, str], root: str, fallback: str) -> None:
    made = planned(tmp_path, files)
    assert made.site, made.reasons
    assert (made.site.root, made.site.fallback) == (root, fallback), made.reasons
    assert generate(made, "app", {}).dockerfile


SERVERS = [
    ("express beside webpack", {"package.json": package(build="webpack", needs="webpack express"), "server.js": "app.listen(1)"}, "node server.js"),
    ("a server and a front end at once", {"package.json": package("concurrently 'node api.js' 'react-scripts start'", "react-scripts build", "react-scripts")}, "npm start"),
    ("next started for development", {"package.json": package("next dev", "next build", "next")}, "next start"),
    ("a static server of its own", {"package.json": package("serve -s build", "react-scripts build", "react-scripts serve")}, "serve -s build"),
    ("a page beside a server", {"package.json": package(main="index.js"), "index.html": PAGE, "index.js": "http.createServer(x)"}, "node index.js"),
    (
        "angular rendered on the server",
        {"package.json": package("ng serve", "ng build", "@angular/core @angular/ssr express", scripts={"serve:ssr:shop": "node dist/shop/server/server.mjs"})},
        "node dist/shop/server/server.mjs",
    ),
    (
        "express that is watched while it is written",
        {
            "package.json": package("node server.js", "webpack", "webpack express"),
            "server.js": "app = express()\nif (process.env.NODE_ENV !== 'production') app.use(require('webpack-dev-middleware')(x))\napp.listen(1)",
        },
        "node server.js",
    ),
    ("a client started beside a server", {"package.json": package("node api.js && vite", "vite build", "vite"), "api.js": "x.listen(1)"}, "npm start"),
    ("hapi beside a page", {"package.json": package(main="index.js", needs="@hapi/hapi"), "index.html": PAGE, "index.js": "require('./lib/start')"}, "node index.js"),
    ("nuxt 2 started for development", {"package.json": package("nuxt", "nuxt build", "nuxt@^2.15.0")}, "nuxt start"),
    (
        "sveltekit with adapter-auto",
        {"package.json": package(build="vite build", needs="@sveltejs/kit @sveltejs/adapter-auto@^6.0.0 vite"), "svelte.config.js": "import adapter from '@sveltejs/adapter-auto';"},
        "node build",
    ),
    (
        "sveltekit for another platform",
        {"package.json": package(build="vite build", needs="@sveltejs/kit @sveltejs/adapter-vercel vite"), "svelte.config.js": "import adapter from '@sveltejs/adapter-vercel';"},
        "vite preview --host 0.0.0.0 --port $PORT",
    ),
    (
        "a server that is started beside pages, in a repository that has electron",
        {"package.json": package('concurrently "node server.js" "vite"', "vite build", "electron express vite concurrently"), "server.js": "listen()"},
        "npm start",
    ),
    (
        "a server that gulp starts",
        {"package.json": package("gulp serve", "gulp", "express gulp gulp-nodemon", main="index.js"), "gulpfile.js": "", "index.js": ""},
        "gulp serve",
    ),
    (
        "next in a workspace that start runs for development",
        {
            "package.json": package("yarn workspace @shop/web dev", workspaces=["packages/*"]),
            "packages/web/package.json": package(build="next build", needs="next@15", name="@shop/web", scripts={"dev": "next dev"}),
        },
        "cd packages/web && PATH=$PWD/node_modules/.bin:$PATH next start",
    ),
    (
        "a workspace by its folder",
        {
            "package.json": package("pnpm --filter ./api start", "turbo build", workspaces=["api", "web"]),
            "api/package.json": package("node dist/index.js", "tsc", name="@shop/api"),
            "web/package.json": package("vite", "vite build", "vite", name="@shop/web"),
        },
        "npm start",
    ),
    (
        "astro with its node adapter",
        {"package.json": package("astro dev", "astro build", "astro @astrojs/node"), "astro.config.mjs": "export default { adapter: node({ mode: 'standalone' }) }"},
        "HOST=0.0.0.0 node dist/server/entry.mjs",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("files", "start"), [one[1:] for one in SERVERS], ids=[one[0] for one in SERVERS])
def test_a_tree_that_serves_itself(tmp_path: Path, files: dict[str, str], start: str) -> None:
    made = planned(tmp_path, files)
    assert (made.runtime, made.start) == ("node", start)


REFUSED = [
    ("jekyll", {"_config.yml": "", "index.html": "---\nlayout: x\n---\n", "Gemfile": ""}, "Jekyll is not run here"),
    ("jekyll served by rack", {"_config.yml": "", "index.html": "---\n---\n", "Gemfile": "", "config.ru": "require 'rack/jekyll'"}, "Jekyll is not run here"),
    ("jekyll in markdown", {"_config.yml": "", "index.md": "# x", "_posts/1.md": ""}, "Jekyll is not run here"),
    ("hugo", {"hugo.toml": "", "content/a.md": "", "static/a.css": ""}, "Hugo is not run here"),
    ("hugo of old", {"config.toml": "baseURL = 'https://x/'\ntheme = 'y'\n", "content/a.md": "", "static/a.css": ""}, "Hugo is not run here"),
    ("hugo beside tools", {"package.json": package("hugo server", "hugo", "postcss"), "hugo.toml": "", "content/a.md": ""}, "Hugo is not run here"),
    ("jekyll beside tools", {"package.json": package("gulp", needs="gulp"), "_config.yml": "", "index.html": "---\n---\n"}, "Jekyll is not run here"),
    ("mkdocs by pip", {"mkdocs.yml": "", "docs/index.md": "", "requirements.txt": "mkdocs\n"}, "MkDocs is not run here"),
    ("an app for phones", {"package.json": package("expo start", needs="expo react-native", main="index.js"), "index.js": ""}, "an app for phones"),
    ("an app for phones without expo", {"package.json": package("react-native start", needs="react-native"), "index.js": ""}, "an app for phones"),
    ("electron", {"package.json": package("electron .", needs="electron", main="main.js"), "index.html": PAGE}, "an app for desktops"),
    ("electron forge", {"package.json": package("electron-forge start", needs="electron @electron-forge/cli")}, "an app for desktops"),
    ("electron of a dev script alone", {"package.json": package(needs="electron", main="main.js", scripts={"dev": "electron ."}), "main.js": "const { app } = require('electron/main')"}, "an app for desktops"),
    ("electron that vite builds", {"package.json": package(build="vite build && electron-builder", needs="electron vite"), "index.html": PAGE}, "an app for desktops"),
    ("electron behind its own check", {"package.json": package("ts-node check.ts && npm run pages", "webpack", "electron webpack", scripts={"pages": "webpack serve"})}, "an app for desktops"),
    ("meteor", {"package.json": package("meteor run", needs="meteor-node-stubs"), "client/main.html": ""}, "Meteor needs a Dockerfile"),
    ("deno beside package.json", {"package.json": package("deno run -A main.ts"), "main.ts": ""}, "Deno needs a Dockerfile"),
    (
        "astro for another host",
        {
            "package.json": package("astro dev", "astro build", "astro @astrojs/vercel"),
            "astro.config.mjs": "import vercel from '@astrojs/vercel';\nexport default { output: 'server', adapter: vercel() }",
        },
        "built for @astrojs/vercel",
    ),
    (
        "a worker without a start script",
        {"package.json": package(needs="wrangler", main="index.ts", scripts={"deploy": "wrangler deploy"}), "index.ts": "", "wrangler.toml": 'name = "x"\nmain = "./index.ts"\n'},
        "a Worker is not run here",
    ),
    ("a worker", {"package.json": package("wrangler dev", needs="wrangler"), "src/index.js": ""}, "a Worker is not run here"),
    ("mkdocs", {"mkdocs.yml": "", "docs/index.md": ""}, "MkDocs is not run here"),
    ("rails", {"Gemfile": "", "config.ru": "", "package.json": package(build="esbuild app.js", needs="esbuild")}, "Ruby needs a Dockerfile"),
    ("sinatra beside a page", {"Gemfile": "", "config.ru": "require './app'\nrun App", "index.html": PAGE}, "Ruby needs a Dockerfile"),
    ("laravel", {"artisan": "", "composer.json": "{}", "package.json": package(build="vite build", needs="vite")}, "PHP needs a Dockerfile"),
    ("php", {"index.php": "<?php phpinfo();", "about.html": PAGE}, "PHP needs a Dockerfile"),
    ("go", {"go.mod": "", "main.go": "", "package.json": package(build="vite build", needs="vite")}, "Go needs a Dockerfile"),
    ("go by its files", {"main.go": ""}, "Go needs a Dockerfile"),
    (".net", {"Shop.csproj": ""}, ".NET needs a Dockerfile"),
    ("java by its Procfile", {"Procfile": "web: java -jar target/x.jar", "package.json": package(build="vite build", needs="vite")}, "Java needs a Dockerfile"),
    ("a buildpack", {"app.json": '{"buildpacks": [{"url": "heroku/php"}]}', "index.html": PAGE}, "PHP needs a Dockerfile"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "reason"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_is_not_built_here(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    with pytest.raises(PlanError) as refused:
        planned(tmp_path, files)
    assert refused.value.reason == reason
    assert "Dockerfile" in refused.value.hint or "npx " in refused.value.hint


def test_php_that_only_passes_on_a_page(tmp_path: Path) -> None:
    made = planned(
        tmp_path,
        {
            "index.php": '<?php include_once("home.html"); ?>\n',
            "home.html": PAGE,
            "composer.json": "{}",
            "mail.php": "<?php",
        },
    )
    assert made.site
    assert made.site.index == "home.html"
    assert made.warnings == ["PHP is not run here, and its files are not shown: index.php, mail.php"]


def test_what_static_json_says_beside_the_folder(tmp_path: Path) -> None:
    told = {
        "root": ".",
        "redirects": {"/old": {"url": "/new", "status": 302}, "/bad\n": {"url": "/"}},
        "proxies": {"/api/": {"origin": "${API_URL}/v1"}, "/bad": {"origin": "file:///etc/passwd"}},
        "headers": {"/assets/**": {"Cache-Control": "max-age=1"}, "/": {"X-Bad": "$uri"}},
        "routes": {"/admin/**": "admin.html"},
        "basic_auth": True,
        "https_only": True,
    }
    made = planned(tmp_path, {"static.json": json.dumps(told), "index.html": PAGE, "admin.html": PAGE})
    assert len(made.warnings) == 3, made.warnings
    served = generate(made, "app", {}).extra["config/site.conf"].decode()
    for words in (
        'if ($asked ~ "^/old/?$") { return 302 "/new$is_args$args"; }',
        'set $origin "@{API_URL}/v1";',
        '"~^/assets/.*$" "max-age=1";',
        'try_files $uri $uri/index.html "/admin.html" =404;',
        "auth_basic",
    ):
        assert words in served, served
    for words in ("passwd", "X-Bad", "/bad"):
        assert words not in served


def test_redirects_and_headers_of_netlify(tmp_path: Path) -> None:
    made = planned(
        tmp_path,
        {
            "index.html": PAGE,
            "_redirects": "# old\n/blog/*  /news/:splat\n/user/:id /u?id=:id 302!\n/api/* https://api.example.org/v1/:splat 200\n"
            "/* /it/:splat 302 Country=it\n/gone /404.html 404\n",
            "_headers": "/*\n  X-Frame-Options: DENY\n  Content-Type: text/plain\n# no more\n",
        },
    )
    assert made.site
    assert [(one.target, one.status) for one in made.site.redirects] == [("/news/${splat}", 301), ("/u?id=${id}", 302)]
    assert [(one.pattern, one.target) for one in made.site.proxies] == [("/api", "https://api.example.org/v1")]
    assert [(one.name, one.target) for one in made.site.headers] == [("X-Frame-Options", "DENY")]
    assert made.site.not_found == "404.html"


@pytest.mark.parametrize(
    "names", [["Index.html", "about.html"], ["about.html", "home.html"], ["index.htm"], ["game.html"]]
)
def test_pages_without_an_index(tmp_path: Path, names: list[str]) -> None:
    made = planned(tmp_path, dict.fromkeys(names, PAGE))
    assert made.site
    assert made.site.index in (names[0], "home.html")


def test_pages_of_which_none_is_the_first(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as refused:
        planned(tmp_path, {"contact.html": PAGE, "work.html": PAGE})
    assert "git mv contact.html index.html" in refused.value.hint


def test_sources_of_pages_in_a_folder_of_a_usual_name(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as refused:
        planned(tmp_path, {"site/index.html": PAGE, "site/package.json": package(build="vite build", needs="vite")})
    assert "--path site" in refused.value.hint


def test_apps_in_folders_of_what_has_no_start_script(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as refused:
        planned(tmp_path, {"package.json": package(scripts={"dev": "x"}), "backend/package.json": package("node x")})
    assert "--path backend" in refused.value.hint


def test_an_app_beside_the_front_end_that_start_starts(tmp_path: Path) -> None:
    inner = {"front/package.json": package("vite", "vite build", "vite"), "back/requirements.txt": "django\n"}
    made = planned(tmp_path, {"package.json": package("cd front && npm start"), **inner})
    assert made.site
    assert made.site.root == "front/dist"
    assert any("--path back" in warning for warning in made.warnings)


def test_what_netlify_toml_gives_a_build(tmp_path: Path) -> None:
    told = '[build]\ncommand = "vite build --mode x"\n[build.environment]\nNPM_FLAGS = "--legacy-peer-deps"\nVITE_URL = "/api"\n'
    made = planned(tmp_path, {"package.json": package("vite", "vite build", "vite"), "netlify.toml": told})
    assert made.site
    assert made.site.build
    assert made.site.build.build == ("PATH=/app/node_modules/.bin:$PATH sh -c 'vite build --mode x'",)
    assert made.install.endswith("--legacy-peer-deps")
    assert made.site.build.environment["VITE_URL"] == "/api"


@pytest.mark.parametrize(
    "command", ["hugo --gc", "npm run nothing", "npm ci && npm run build", "CI= yarn build", "a | b"]
)
def test_commands_of_netlify_toml_that_leave_the_build_script_as_it_is(tmp_path: Path, command: str) -> None:
    told = f'[build]\ncommand = "{command}"\n'
    made = planned(tmp_path, {"package.json": package("vite", "vite build", "vite"), "netlify.toml": told})
    assert made.build == "npm run build"


def test_values_of_app_json_that_are_no_text(tmp_path: Path) -> None:
    made = planned(
        tmp_path, {"index.html": PAGE, "app.json": '{"env": {"HEROKU": true, "SIZE": {"value": 5}, "NAME": "x"}}'}
    )
    assert [one.default for one in made.config_vars] == ["true", "5", "x"]


def test_a_formation_as_it_was_written_once(tmp_path: Path) -> None:
    told = '{"formation": [{"process": "web", "size": "hobby", "quantity": 2}]}'
    assert planned(tmp_path, {"index.html": PAGE, "app.json": told}).formation == {"web": 2}


def test_a_procfile_from_windows(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_bytes("web: node web.js\r\n".encode("utf-16"))
    assert planned(tmp_path, {"package.json": package(), "web.js": ""}).start == "node web.js"


def test_a_procfile_of_another_name(tmp_path: Path) -> None:
    made = planned(tmp_path, {"procfile.txt": "web: node web.js", "package.json": package("node web.js")})
    assert "procfile.txt is not read: git mv procfile.txt Procfile" in made.warnings


def test_buildpacks_that_are_named_elsewhere(tmp_path: Path) -> None:
    both = {"requirements.txt": "flask\n", "package.json": package("node web.js")}
    assert (
        planned(tmp_path, {**both, ".buildpacks": "https://github.com/heroku/heroku-buildpack-nodejs\n"}).runtime
        == "node"
    )


def test_a_buildpack_of_what_is_not_there(tmp_path: Path) -> None:
    told = '{"buildpacks": [{"url": "heroku/nodejs"}]}'
    assert (
        planned(tmp_path, {"app.json": told, "requirements.txt": "flask\n", "app.py": "app = 1\n"}).runtime == "python"
    )


def test_python_first_with_assets_that_an_install_hook_builds(tmp_path: Path) -> None:
    flask = {"requirements.txt": "flask\n", "app.py": "from flask import Flask\n\napp = Flask(__name__)\n"}
    hook = {"package.json": package(scripts={"postinstall": "cd front && npm install && npm run build"})}
    made = planned(tmp_path, {**flask, **hook})
    assert made.python
    assert made.python.assets
    assert "rm -rf" in made.python.assets.prune
    assert "rm -rf" in generate(made, "app", {}).dockerfile
    served = planned(tmp_path, {"app.py": flask["app.py"] + "app.static_folder = 'node_modules/htmx'\n"})
    assert served.python
    assert served.python.assets
    assert not served.python.assets.prune
