module.exports = "drawn from two workspaces";
