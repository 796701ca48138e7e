document.body.append("built for /shop/");
