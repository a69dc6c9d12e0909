// Ticks from a thread of its own: a browser slows the clocks of a page that nobody looks at, down to once a minute.
setInterval(() => postMessage(null), 200);
