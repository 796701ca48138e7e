import { createQwikCity } from "@builder.io/qwik-city/middleware/node";
import qwikCityPlan from "@qwik-city-plan";
import express from "express";
import render from "./entry.ssr";

const { router, notFound } = createQwikCity({ render, qwikCityPlan });
const app = express();
app.use(express.static("dist", { redirect: false }));
app.use(router);
app.use(notFound);
app.listen(process.env.PORT ?? 3000);
