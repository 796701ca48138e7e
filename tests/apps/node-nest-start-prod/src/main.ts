import { Controller, Get, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";

@Controller()
class Home {
  @Get()
  words(): string {
    return "a controller of Nest";
  }
}

@Module({ controllers: [Home] })
class App {}

void NestFactory.create(App).then((app) => app.listen(process.env.PORT ?? 3000));
