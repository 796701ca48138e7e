from aiohttp import web


async def front(request: web.Request) -> web.Response:
    return web.Response(text="served by aiohttp")


app = web.Application()
app.router.add_get("/", front)

if __name__ == "__main__":
    web.run_app(app)
