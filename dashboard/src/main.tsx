import "./style.css";
import { render } from "preact";
import { App } from "./app";
import { applyTheme, currentTheme } from "./theme";

applyTheme(currentTheme());
const root = document.getElementById("root");
if (root) render(<App />, root);
