const { PrismaClient } = require("@prisma/client");
