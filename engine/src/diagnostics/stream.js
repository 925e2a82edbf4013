// Draws a task stream on a canvas, with charts below it that share its time axis. Called with a token, which names the
// elements to draw into, and the data; the Rust side (interactive.rs) says what is in it.
(function (token, data) {
  "use strict";
  const LEFT = 82, RIGHT = 14, TOP = 24, CHART = 62, HEAD = 26;
  const FAILED = "#c0143c", GREY = "#57606a", LINE = "#8a8f98", GRID = "#e4e7eb";
  const FONT = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif';
  const MERGED = 1, FAILURE = 2, SIZE = 4;

  // ---- what the numbers look like; units.rs has the same rules
  const three = v => v < 9.995 ? v.toFixed(2) : v < 99.95 ? v.toFixed(1) : v.toFixed(0);
  function time(ns) {
    if (ns < 0.5) return "0 s";
    if (ns < 999.5) return Math.round(ns) + " ns";
    if (ns < 999.5e3) return three(ns / 1e3) + " µs";
    if (ns < 999.5e6) return three(ns / 1e6) + " ms";
    if (ns < 99.5e9) return three(ns / 1e9) + " s";
    const s = Math.round(ns / 1e9), two = n => String(n).padStart(2, "0");
    return s >= 3600 ? Math.floor(s / 3600) + " h " + two(Math.floor(s / 60) % 60) + " min"
      : Math.floor(s / 60) + " min " + two(s % 60) + " s";
  }
  function size(bytes) {
    if (bytes < 1024) return Math.round(bytes) + " B";
    const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = 0;
    for (bytes /= 1024; bytes >= 999.5 && unit < 5; unit++) bytes /= 1024;
    return three(bytes) + " " + units[unit];
  }
  const grouped = n => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
  const inUnit = { percent: v => v.toFixed(0) + "%", bytes: size, count: grouped };
  const keyText = k => k < 4294967296n ? String(k) : k.toString(16).padStart(16, "0");
  const unitFor = to => to < 2e3 ? [1, "ns"] : to < 2e6 ? [1e3, "µs"] : to < 2e9 ? [1e6, "ms"] : [1e9, "s"];
  const decimals = (unit, step) => Math.max(0, Math.min(9, Math.ceil(Math.log10(unit / Math.max(step, 1)) - 1e-9)));
  /// A moment, with as many digits as it takes to tell it from one that is `resolution` later.
  function moment(ns, resolution) {
    if (ns < 0.5) return "0 s";
    const [unit, name] = unitFor(ns);
    return (ns / unit).toFixed(decimals(unit, resolution)) + " " + name;
  }
  function ticks(from, to, wanted) {
    const rough = Math.max((to - from) / Math.max(wanted, 1), 1), power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough * 0.999) || power * 10;
    const [unit, name] = unitFor(to), digits = decimals(unit, step), all = [];
    for (let n = Math.ceil(from / step); n * step <= to && all.length < 60; n++) {
      all.push([n * step, n === 0 ? "0 s" : (n * step / unit).toFixed(digits) + " " + name]);
    }
    return all;
  }

  // ---- unpacking
  const unpack = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const total = data.lanes.reduce((sum, lane) => sum + lane[1], 0);
  const start = new Float64Array(total), end = new Float64Array(total), reach = new Float64Array(total);
  const busy = new Float64Array(total), bytes = new Float64Array(total);
  const name = new Uint32Array(total), count = new Uint32Array(total), failed = new Uint32Array(total);
  const depth = new Uint8Array(total), keyAt = new Int32Array(total).fill(-1);
  const keys = (raw => data.wide ? new BigUint64Array(raw.buffer) : new Uint32Array(raw.buffer))(unpack(data.keys));
  const lanes = [];
  (function () {
    const raw = unpack(data.bars);
    let at = 0, i = 0, key = 0;
    const next = () => {
      let value = 0, scale = 1, byte;
      do { byte = raw[at++]; value += (byte & 127) * scale; scale *= 128; } while (byte & 128);
      return value;
    };
    for (const [thread, length] of data.lanes) {
      lanes.push({ thread, from: i, to: i + length });
      for (let previous = 0, far = 0, stop = i + length; i < stop; i++) {
        const head = next();
        depth[i] = head >> 3;
        name[i] = next();
        previous = start[i] = previous + next();
        end[i] = previous + next();
        far = reach[i] = Math.max(far, end[i]);
        if (head & MERGED) { count[i] = next(); failed[i] = next(); busy[i] = next(); }
        else { count[i] = 1; failed[i] = head & FAILURE ? 1 : 0; busy[i] = end[i] - start[i]; keyAt[i] = key++; }
        if (head & SIZE) bytes[i] = next();
      }
    }
  })();

  function mount(root) {
    if (root.taskloom) return;
    const make = (tag, className, text, parent) => {
      const element = document.createElement(tag);
      if (className) element.className = className;
      if (text) element.textContent = text;
      (parent || root).appendChild(element);
      return element;
    };
    root.replaceChildren();
    root.className = "taskloom-stream";
    const head = make("div", "tl-head");
    make("div", "tl-title", data.title, head);
    const tools = make("div", "", "", head);
    const button = (text, label, action) => {
      const element = make("button", "", text, tools);
      element.type = "button";
      element.title = label;
      element.setAttribute("aria-label", label);
      element.addEventListener("click", action);
    };
    button("+", "Zoom in", () => zoomBy(0.5));
    button("−", "Zoom out", () => zoomBy(2));
    button("◀", "Earlier", () => moveBy(-0.4));
    button("▶", "Later", () => moveBy(0.4));
    button("All", "Show the whole run", () => show(0, data.span));
    const range = make("span", "tl-range", "", tools);
    range.setAttribute("aria-live", "polite");
    const plot = make("div", "tl-plot"), canvas = make("canvas", "", "", plot);
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "Task stream: " + data.title + ". Plus and minus zoom, arrows move, 0 shows all.");
    const pick = make("div", "tl-pick", "", plot), cursor = make("div", "tl-cursor", "", plot);
    const tip = make("div", "tl-tip", "", plot);
    const legend = make("div", "tl-legend");
    make("p", "tl-note", "Drag across a stretch of time to zoom in, double-click to see all, Shift-drag to move. " +
      "Click the picture, and the wheel zooms.");
    for (const text of data.notes) make("p", "tl-note", text);

    let from = data.window[0], to = data.window[1], lit = -1, width = 0, height = 0, planned = false;
    const laneHeight = Math.max(6, Math.min(28, 440 / Math.max(lanes.length, 1)));
    const bottom = TOP + laneHeight * lanes.length;
    const context = canvas.getContext("2d");
    const x = t => LEFT + (t - from) / (to - from) * (width - LEFT - RIGHT);
    const timeAt = px => from + (Math.min(Math.max(px, LEFT), width - RIGHT) - LEFT) / (width - LEFT - RIGHT) * (to - from);

    function plan() {
      if (planned) return;
      planned = true;
      requestAnimationFrame(() => { planned = false; draw(); });
    }
    function show(a, b) {
      const least = Math.min(100, data.span);
      const length = Math.min(Math.max(b - a, least), data.span);
      from = Math.min(Math.max(a, 0), data.span - length);
      to = from + length;
      hide();
      plan();
    }
    function zoomBy(factor, around) {
      const middle = around === undefined ? (from + to) / 2 : around;
      show(middle - (middle - from) * factor, middle + (to - middle) * factor);
    }
    function moveBy(part) {
      const by = (to - from) * part;
      show(from + by, to + by);
    }
    function resize() {
      const ratio = window.devicePixelRatio || 1;
      width = Math.max(plot.clientWidth, 240);
      height = bottom + 8 + data.charts.length * (CHART + HEAD) + 6;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = height + "px";
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      draw();
    }

    /// The first bar of a lane that reaches to a time.
    function firstAt(lane, t) {
      let low = lane.from, high = lane.to;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (reach[middle] < t) low = middle + 1; else high = middle;
      }
      return low;
    }
    function place(row, d) {
      const room = laneHeight - (laneHeight > 9 ? 4 : 1), inset = d * Math.min(room / 14, 3);
      return [TOP + row * laneHeight + (laneHeight - room) / 2 + inset, room - inset];
    }
    const shade = n => lit < 0 || data.names[n][1] === lit ? 1 : 0.12;

    function draw() {
      context.clearRect(0, 0, width, height);
      context.font = "11px " + FONT;
      context.textBaseline = "middle";
      const marks = ticks(from, to, (width - LEFT - RIGHT) / 110);
      context.textAlign = "center";
      context.fillStyle = GREY;
      for (const [t, text] of marks) {
        const half = context.measureText(text).width / 2;
        context.fillText(text, Math.min(Math.max(x(t), half + 2), width - half - 2), TOP - 12);
      }
      context.fillStyle = GRID;
      for (const [t] of marks) context.fillRect(Math.round(x(t)), TOP, 1, height - TOP - 6);
      lanes.forEach(drawLane);
      context.globalAlpha = 1;
      frame(TOP, bottom);
      let top = bottom + 8;
      for (const chart of data.charts) { drawChart(chart, top); top += CHART + HEAD; }
      range.textContent = moment(from, (to - from) / 100) + " to " + moment(to, (to - from) / 100);
    }
    function frame(top, foot) {
      context.fillStyle = LINE;
      context.fillRect(LEFT - 1, top, 1, foot - top);
      context.fillRect(LEFT - 1, foot, width - LEFT - RIGHT + 1, 1);
    }

    function drawLane(lane, row) {
      context.globalAlpha = 1;
      const labelled = Math.ceil(13 / laneHeight);
      if (row % labelled === 0) {
        context.fillStyle = GREY;
        context.textAlign = "right";
        context.fillText("thread " + lane.thread, LEFT - 8, TOP + row * laneHeight + laneHeight / 2);
      }
      context.textAlign = "left";
      // What is narrower than a pixel gathers here, by depth, until its column is complete.
      const columns = Array.from({ length: 8 }, () => ({ at: -1, cover: 0, widest: 0, name: 0, failed: 0 }));
      const flush = upTo => {
        for (let d = 0; d <= upTo; d++) {
          const column = columns[d];
          if (column.at < 0) continue;
          const [y, h] = place(row, d);
          context.globalAlpha = (0.3 + 0.7 * Math.min(1, column.cover)) * shade(column.name);
          context.fillStyle = column.failed ? FAILED : data.names[column.name][2];
          context.fillRect(column.at, y, 1, h);
          column.at = -1;
        }
      };
      for (let i = firstAt(lane, from); i < lane.to && start[i] <= to; i++) {
        if (end[i] < from) continue;
        const left = Math.max(x(start[i]), LEFT), right = Math.min(x(end[i]), width - RIGHT), d = depth[i];
        const length = end[i] - start[i], share = length > 0 ? busy[i] / length : 1, w = right - left;
        if (w < 1.5) {
          const column = columns[d], pixel = Math.floor(left);
          if (column.at !== pixel) {
            if (column.at >= 0) flush(d);
            Object.assign(column, { at: pixel, cover: 0, widest: -1, failed: 0 });
          }
          column.cover += w * share;
          column.failed += failed[i];
          if (w > column.widest) { column.widest = w; column.name = name[i]; }
          continue;
        }
        flush(d);
        const [y, h] = place(row, d), entry = data.names[name[i]], shown = w > 4 ? w - 0.7 : w;
        context.globalAlpha = (count[i] > 1 ? 0.35 + 0.65 * share : 1) * shade(name[i]);
        context.fillStyle = entry[2];
        context.fillRect(left, y, shown, h);
        if (failed[i]) {
          context.strokeStyle = FAILED;
          context.lineWidth = 1.6;
          context.strokeRect(left + 0.8, y + 0.8, Math.max(shown - 1.6, 0.4), h - 1.6);
        } else if (w > 6 && (d > 0 || h > 10)) {
          context.strokeStyle = entry[3];
          context.lineWidth = 0.5;
          context.strokeRect(left + 0.25, y + 0.25, shown - 0.5, h - 0.5);
        }
        if (d === 0 && h >= 13 && w > 28) {
          // The part of the bar that nothing nested covers, as far as the eye needs to know.
          const text = count[i] > 1 ? entry[0] + " ×" + grouped(count[i]) : entry[0];
          if (text.length * 3 < w && context.measureText(text).width < w - 8) {
            context.fillStyle = "#1f2328";
            context.fillText(text, left + 5, y + h / 2 + 0.5);
          }
        }
      }
      flush(7);
    }

    function drawChart(chart, top) {
      const headline = top + HEAD - 6, foot = headline + CHART - 4, h = foot - headline;
      const y = v => foot - h * Math.min(Math.max(v / chart.top, 0), 1), points = chart.points;
      context.textAlign = "left";
      context.fillStyle = "#1f2328";
      context.fillText(chart.title, LEFT, headline - 8);
      context.textAlign = "right";
      context.fillStyle = GREY;
      context.fillText(inUnit[chart.unit](chart.top), LEFT - 8, headline + 4);
      context.fillText("0", LEFT - 8, foot - 3);
      context.save();
      context.beginPath();
      context.rect(LEFT, headline - 1, width - LEFT - RIGHT, h + 2);
      context.clip();
      context.beginPath();
      let last = 0, previous = 0;
      for (let i = 0; i < points.length; i += 2) {
        const px = x(points[i]), py = y(points[i + 1]);
        if (i === 0) context.moveTo(px, py);
        else { if (chart.steps) context.lineTo(px, previous); context.lineTo(px, py); }
        last = px;
        previous = py;
      }
      if (chart.steps) { last = x(data.span); context.lineTo(last, previous); }
      context.strokeStyle = chart.color;
      context.lineWidth = 1.4;
      context.stroke();
      context.lineTo(last, foot);
      context.lineTo(x(points[0]), foot);
      context.closePath();
      context.globalAlpha = 0.16;
      context.fillStyle = chart.color;
      context.fill();
      context.restore();
      frame(headline, foot);
    }

    // ---- what is under the pointer
    function hide() { tip.style.display = cursor.style.display = "none"; }
    function describe(px, py) {
      const t = timeAt(px), when = ns => moment(ns, (to - from) / 1000);
      if (py >= TOP && py < bottom) {
        const row = Math.floor((py - TOP) / laneHeight), lane = lanes[row], slack = (to - from) / (width - LEFT - RIGHT) * 1.5;
        if (!lane) return null;
        let best = -1, before = 0, after = data.span;
        const first = firstAt(lane, t - slack);
        for (let i = first; i < lane.to && start[i] <= t + slack; i++) {
          if (end[i] < t - slack) continue;
          const within = start[i] <= t && t <= end[i];
          // The deepest at this very time, else whatever is near.
          if (best < 0 || (within && !(start[best] <= t && t <= end[best] && depth[best] > depth[i]))) best = i;
        }
        if (best < 0) {
          if (first > lane.from) before = reach[first - 1];
          if (first < lane.to) after = start[first];
          return ["thread " + lane.thread + " waits", time(after - before) + ", from " + when(before)];
        }
        const entry = data.names[name[best]], length = time(end[best] - start[best]);
        const lines = count[best] > 1
          ? [grouped(count[best]) + " short tasks, mostly " + entry[0],
            time(busy[best]) + " of " + length + ", from " + when(start[best])]
          : [entry[0], "key " + keyText(BigInt(keys[keyAt[best]])), length + ", from " + when(start[best])];
        lines.push("thread " + lane.thread);
        if (bytes[best]) lines.push("result: " + size(bytes[best]));
        if (failed[best]) lines.push(count[best] > 1 ? grouped(failed[best]) + " failed" : "failed");
        return lines;
      }
      const chart = data.charts[Math.floor((py - bottom - 8) / (CHART + HEAD))];
      if (!chart || py < bottom + 8) return null;
      const points = chart.points;
      let low = 0, high = points.length / 2;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (points[2 * middle] <= t) low = middle + 1; else high = middle;
      }
      // A step holds what was last said; a line is read at its nearer end.
      let at = low - 1;
      if (!chart.steps && low < points.length / 2 && (at < 0 || points[2 * low] - t < t - points[2 * at])) at = low;
      return at < 0 ? null : [chart.title, inUnit[chart.unit](points[2 * at + 1]) + " at " + when(chart.steps ? t : points[2 * at])];
    }
    function hover(px, py) {
      const lines = px >= LEFT - 1 && px <= width - RIGHT ? describe(px, py) : null;
      if (!lines) return hide();
      tip.replaceChildren();
      make("b", "", lines[0], tip);
      tip.appendChild(document.createTextNode(lines.slice(1).join("\n")));
      tip.style.display = cursor.style.display = "block";
      cursor.style.left = px + "px";
      const room = plot.clientWidth - tip.offsetWidth - 4;
      tip.style.left = Math.max(0, px + 14 <= room ? px + 14 : Math.min(px - 14 - tip.offsetWidth, room)) + "px";
      tip.style.top = py + 16 + "px";
    }

    // ---- pointer, wheel, keys
    let drag = null;
    const position = event => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointerdown", event => {
      if (event.button !== 0) return;
      const [px] = position(event);
      drag = { px, move: event.shiftKey, from, to };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", event => {
      const [px, py] = position(event);
      if (!drag) return hover(px, py);
      hide();
      if (drag.move) {
        const by = (drag.px - px) / (width - LEFT - RIGHT) * (drag.to - drag.from);
        return show(drag.from + by, drag.to + by);
      }
      const a = Math.max(Math.min(drag.px, px), LEFT), b = Math.min(Math.max(drag.px, px), width - RIGHT);
      pick.style.display = b - a > 3 ? "block" : "none";
      pick.style.left = a + "px";
      pick.style.width = Math.max(b - a, 0) + "px";
    });
    const drop = event => {
      if (!drag) return;
      const [px] = position(event), { px: began, move } = drag;
      drag = null;
      pick.style.display = "none";
      if (!move && event.type === "pointerup" && Math.abs(px - began) > 3) {
        const a = timeAt(Math.min(px, began)), b = timeAt(Math.max(px, began));
        if (b > a) show(a, b);
      }
    };
    canvas.addEventListener("pointerup", drop);
    canvas.addEventListener("pointercancel", drop);
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("dblclick", () => show(0, data.span));
    canvas.addEventListener("wheel", event => {
      // A picture in the middle of a page must not catch the wheel of someone who scrolls past it.
      if (document.activeElement !== canvas && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const pixels = event.deltaMode === 1 ? 20 : 1;
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) return moveBy(event.deltaX * pixels / width);
      zoomBy(Math.exp(Math.max(-300, Math.min(300, event.deltaY * pixels)) / 300), timeAt(position(event)[0]));
    }, { passive: false });
    canvas.addEventListener("keydown", event => {
      const keys = {
        "+": () => zoomBy(0.5), "=": () => zoomBy(0.5), "-": () => zoomBy(2), "0": () => show(0, data.span),
        ArrowLeft: () => moveBy(-0.2), ArrowRight: () => moveBy(0.2), Escape: () => canvas.blur(),
      };
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      // A notebook has meanings of its own for these keys.
      event.stopPropagation();
      keys[event.key]();
    });

    // ---- legend
    const entries = data.legend.map(([id, text, fill, stroke, full]) => {
      const entry = make("button", "", "", legend), swatch = make("i", "", "", entry);
      swatch.style.background = fill;
      swatch.style.borderColor = stroke;
      make("span", "", text, entry);
      entry.type = "button";
      entry.title = full;
      entry.setAttribute("aria-pressed", "false");
      entry.addEventListener("click", () => light(lit === id ? -1 : id));
      return [id, entry];
    });
    for (const text of data.more) make("span", "tl-more", text, legend);
    function light(id) {
      lit = id;
      for (const [own, entry] of entries) entry.setAttribute("aria-pressed", String(own === lit));
      plan();
    }
    root.taskloom = { show, light };

    resize();
    if (window.ResizeObserver) {
      let known = plot.clientWidth;
      new ResizeObserver(() => { if (plot.clientWidth !== known) { known = plot.clientWidth; resize(); } }).observe(plot);
    } else {
      window.addEventListener("resize", resize);
    }
  }

  // The same output can be on a page several times: as a cell's, and as a view of it.
  for (const root of document.querySelectorAll('[data-taskloom-stream="' + token + '"]')) mount(root);
})
