module.exports = "words of a workspace";
