// The default theme with the reader's own fonts: a page of this site loads nothing from elsewhere.
import theme from "vitepress/theme-without-fonts";
import "./style.css";

export default theme;
