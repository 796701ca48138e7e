document.title = "vite";
