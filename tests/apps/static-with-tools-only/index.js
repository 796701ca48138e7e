document.body.append(" and a script");
