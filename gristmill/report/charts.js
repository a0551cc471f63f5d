"use strict";
// Draws every chart with the colours of the present scheme, and again when the scheme changes.
{
  const specs = JSON.parse(document.getElementById("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const font = "system-ui, 'Segoe UI', Roboto, sans-serif";

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // A colour stands in a specification as the name of a custom property; data are left alone.
  const coloured = (part) => {
    if (typeof part === "string") return (part.startsWith("--") && colour(part)) || part;
    if (Array.isArray(part)) return part.map(coloured);
    if (part === null || typeof part !== "object") return part;
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, key === "datasets" ? value : coloured(value)]));
  };

  const config = () => ({
    background: "transparent",
    font,
    view: { stroke: null },
    axis: {
      labelColor: colour("--quiet"), titleColor: colour("--quiet"), titleFontWeight: "normal", labelFontSize: 12, titleFontSize: 12,
      gridColor: colour("--line"), domainColor: colour("--line"), tickColor: colour("--line"), labelLimit: 160,
    },
    legend: { labelColor: colour("--ink"), labelFontSize: 12, symbolType: "square" },
  });

  const draw = () => Promise.all(
    [...document.querySelectorAll("[data-chart]")].map((place) =>
      vegaEmbed(place, { ...coloured(specs[place.dataset.chart]), config: config() }, { actions: false, ast: true, renderer: "svg" })),
  ).then(() => { document.documentElement.dataset.drawn = dark.matches ? "dark" : "light"; });

  draw();
  dark.addEventListener("change", draw);
}
