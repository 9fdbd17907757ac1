import { defineConfig } from "vitepress";
import { playground } from "nodemcu-net-playground/vitepress";

export default playground(defineConfig({ title: "A board that listens" }));
