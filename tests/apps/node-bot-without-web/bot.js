console.log("a bot that listens nowhere");
setInterval(() => {}, 1000);
