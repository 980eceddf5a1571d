import { defineConfig } from "vite";

// `npm run dev` shows the pages with a `tributary serve` behind them, whose address TRIBUTARY has.
export default defineConfig({
  base: "/dashboard/",
  build: { target: "es2022", sourcemap: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { "/dashboard/api": process.env["TRIBUTARY"] ?? "http://127.0.0.1:8080" } },
});
