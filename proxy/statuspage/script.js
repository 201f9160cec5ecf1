// Keeps the page up to date, and sorts its tables.
"use strict";

const live = document.getElementById("live");
const sorted = new Map(); // by section: the column, and whether it descends

function sortTable(section) {
	const order = sorted.get(section.id), body = section.querySelector("tbody");
	if (!order || !body) {
		return;
	}
	const key = (row) => row.cells[order.column].dataset.sort;
	const compare = (a, b) => {
		const x = key(a), y = key(b), difference = Number(x) - Number(y);
		return Number.isNaN(difference) ? x.localeCompare(y) : difference;
	};
	const rows = [...body.rows].sort(compare);
	body.append(...(order.descends ? rows.reverse() : rows));
	for (const head of section.querySelectorAll("th")) {
		head.removeAttribute("aria-sort");
	}
	section.querySelectorAll("th")[order.column].setAttribute("aria-sort", order.descends ? "descending" : "ascending");
}

document.addEventListener("click", (event) => {
	const button = event.target.closest("th button");
	if (!button) {
		return;
	}
	const section = button.closest("section"), column = Number(button.dataset.column), before = sorted.get(section.id);
	sorted.set(section.id, { column, descends: before?.column === column && !before.descends });
	sortTable(section);
});

// The server has escaped every text in the section.
function replaceSection(id, html) {
	const section = document.getElementById(id), focused = document.activeElement;
	const keep = section.contains(focused) ? focused.id : "", inScroll = focused?.classList.contains("scroll");
	const left = section.querySelector(".scroll")?.scrollLeft ?? 0, hadFocus = section.contains(focused);
	section.innerHTML = html;
	sortTable(section);
	const scroll = section.querySelector(".scroll");
	if (scroll) {
		scroll.scrollLeft = left;
	}
	if (keep) {
		document.getElementById(keep)?.focus({ preventScroll: true });
	} else if (hadFocus && inScroll) {
		scroll?.focus({ preventScroll: true });
	}
}

const events = new EventSource("events");
events.onmessage = (event) => {
	const news = JSON.parse(event.data);
	for (const [id, html] of Object.entries(news.sections)) {
		replaceSection(id, html);
	}
	live.textContent = news.says;
};
events.addEventListener("full", (event) => {
	events.close();
	live.textContent = event.data;
});
events.onerror = () => {
	live.textContent = "not live: exgate does not answer";
};
