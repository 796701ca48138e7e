document.title = "for the browser" as string;
