// Filters findings and opens them together; without it the page shows everything. It reads the page's own text only.
"use strict";
(() => {
  const tools = document.querySelector(".tools");
  if (!tools) return;
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const toggle = document.getElementById("toggle");
  const groups = [...document.querySelectorAll(".group")].map((group) => {
    const heading = group.querySelector("h3").textContent;
    const findings = [...group.querySelectorAll(".finding")];
    return { group, findings: findings.map((finding) => ({ finding, text: (heading + " " + finding.textContent).toLowerCase() })) };
  });
  const total = groups.reduce((sum, { findings }) => sum + findings.length, 0);

  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { group, findings } of groups) {
      let any = false;
      for (const { finding, text } of findings) {
        const matches = words.every((word) => text.includes(word));
        finding.hidden = !matches;
        any ||= matches;
        count += matches;
      }
      group.hidden = !any;
    }
    shown.textContent = words.length ? `${count} of ${total} shown` : "";
  };
  const openTarget = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };

  filter.addEventListener("input", apply);
  toggle.addEventListener("click", () => {
    const open = toggle.textContent === "Open all";
    for (const { findings } of groups) for (const { finding } of findings) finding.open = open;
    toggle.textContent = open ? "Close all" : "Open all";
  });
  addEventListener("hashchange", openTarget);
  openTarget();
  tools.hidden = false;
  apply();
})();
