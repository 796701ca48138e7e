module.exports = "the only app of these workspaces";
