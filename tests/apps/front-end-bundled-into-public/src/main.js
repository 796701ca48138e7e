document.body.append("bundled");
