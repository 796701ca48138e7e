from shop.web.site import site as application
