// Paints a heat map: cells, what is missing, crystals, axes, the cursor. Knows nothing of events.
import { viridis } from "./heatscale.js";
import { number } from "./values.js";

const MARGIN = { left: 52, top: 10, right: 12, bottom: 40 };
const FONT = '12px system-ui, "Liberation Sans", sans-serif';

// Where the cells lie in a box, in px: the largest size that fits, sides in proportion to the steps.
export function layout(grid, width, height) {
  const [stepX, stepY] = stepOf(grid);
  const room = { width: Math.max(width - MARGIN.left - MARGIN.right, 20), height: Math.max(height - MARGIN.top - MARGIN.bottom, 20) };
  const scale = Math.min(room.width / (grid.columns * stepX), room.height / (grid.rows * stepY));
  const [cellWidth, cellHeight] = [scale * stepX, scale * stepY];
  const left = MARGIN.left + Math.max(0, (room.width - cellWidth * grid.columns) / 2);
  return { left, top: MARGIN.top, cellWidth, cellHeight };
}

// The height a map needs to fill a width, but no more than `most`.
export function heightFor(grid, width, most) {
  const [stepX, stepY] = stepOf(grid);
  const wide = Math.max(width - MARGIN.left - MARGIN.right, 20);
  return Math.round(Math.min(most, (wide * grid.rows * stepY) / (grid.columns * stepX) + MARGIN.top + MARGIN.bottom));
}

const stepOf = (grid) => grid.step_um ?? [1, 1];

// view: {grid, place, scores, failed, highest, crystals, cursor, chosen, highlit, theme}; scores and failed are
// rows times columns long, NaN where there is no answer.
export function paint(canvas, view) {
  const pen = canvas.getContext("2d");
  const ratio = canvas.width / Math.max(canvas.clientWidth, 1);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  if (!view.grid) return;
  paintAxes(pen, view);
  paintCells(pen, view);
  paintMissing(pen, view);
  paintLines(pen, view);
  for (const crystal of view.crystals) outline(pen, view, crystal);
  if (view.chosen) frameCell(pen, view, view.chosen, view.theme.chosen, 3);
  if (view.cursor) frameCell(pen, view, view.cursor, view.theme.ink, 2);
  for (const crystal of view.crystals) badge(pen, view, crystal);
}

function paintCells(pen, { grid, place, scores, highest }) {
  const image = new ImageData(grid.columns, grid.rows);
  for (let i = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) continue;
    image.data.set([...viridis(highest > 0 ? scores[i] / highest : 0), 255], 4 * i);
  }
  const small = document.createElement("canvas");
  [small.width, small.height] = [grid.columns, grid.rows];
  small.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, place.left, place.top, place.cellWidth * grid.columns, place.cellHeight * grid.rows);
}

// Hatched where there is no answer; crossed, too, where the frame could not be read.
function paintMissing(pen, { grid, place, scores, failed, theme }) {
  const [missing, crosses] = [new Path2D(), new Path2D()];
  const { cellWidth: w, cellHeight: h } = place;
  for (let row = 0; row < grid.rows; row++) {
    for (let column = 0; column < grid.columns; column++) {
      const i = row * grid.columns + column;
      if (!Number.isNaN(scores[i])) continue;
      const [x, y] = [place.left + column * w, place.top + row * h];
      missing.rect(x, y, w, h);
      if (failed[i]) cross(crosses, x, y, w, h);
    }
  }
  pen.fillStyle = hatching(pen, theme);
  pen.fill(missing);
  pen.strokeStyle = theme.failed;
  pen.lineWidth = Math.min(3, Math.max(1, Math.min(w, h) / 8));
  pen.stroke(crosses);
}

export function cross(path, x, y, w, h) {
  const [a, b] = [0.22 * w, 0.22 * h];
  path.moveTo(x + a, y + b);
  path.lineTo(x + w - a, y + h - b);
  path.moveTo(x + w - a, y + b);
  path.lineTo(x + a, y + h - b);
}

export function hatching(pen, theme) {
  const size = 8;
  const tile = document.createElement("canvas");
  tile.width = tile.height = size * 2;
  const drawn = tile.getContext("2d");
  drawn.scale(2, 2);
  drawn.fillStyle = theme.blank;
  drawn.fillRect(0, 0, size, size);
  drawn.strokeStyle = theme.hatch;
  drawn.lineWidth = 1.2;
  for (const shift of [-size, 0, size]) {
    drawn.moveTo(shift, size);
    drawn.lineTo(shift + size, 0);
  }
  drawn.stroke();
  const pattern = pen.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(0.5));
  return pattern;
}

function paintLines(pen, { grid, place, theme }) {
  const { left, top, cellWidth: w, cellHeight: h } = place;
  pen.strokeStyle = theme.frame;
  pen.lineWidth = 1;
  pen.strokeRect(left - 0.5, top - 0.5, w * grid.columns + 1, h * grid.rows + 1);
  if (Math.min(w, h) < 7) return;
  pen.strokeStyle = theme.lines;
  pen.beginPath();
  for (let column = 1; column < grid.columns; column++) {
    pen.moveTo(left + column * w, top);
    pen.lineTo(left + column * w, top + grid.rows * h);
  }
  for (let row = 1; row < grid.rows; row++) {
    pen.moveTo(left, top + row * h);
    pen.lineTo(left + grid.columns * w, top + row * h);
  }
  pen.stroke();
}

// The outer edge of a crystal's cells: dark on light, so that it is seen on every colour.
function outline(pen, { place, highlit, theme }, crystal) {
  const own = new Set(crystal.cells.map(([column, row]) => `${column},${row}`));
  const path = new Path2D();
  const { left, top, cellWidth: w, cellHeight: h } = place;
  for (const [column, row] of crystal.cells) {
    const [x, y] = [left + column * w, top + row * h];
    const edge = (dx, dy, x0, y0, x1, y1) => {
      if (own.has(`${column + dx},${row + dy}`)) return;
      path.moveTo(x0, y0);
      path.lineTo(x1, y1);
    };
    edge(0, -1, x, y, x + w, y);
    edge(0, 1, x, y + h, x + w, y + h);
    edge(-1, 0, x, y, x, y + h);
    edge(1, 0, x + w, y, x + w, y + h);
  }
  const strong = crystal.rank === highlit;
  pen.lineCap = "square";
  pen.strokeStyle = strong ? theme.chosen : "#ffffff";
  pen.lineWidth = strong ? 6 : 4;
  pen.stroke(path);
  pen.strokeStyle = "#101418";
  pen.lineWidth = 1.6;
  pen.stroke(path);
}

function badge(pen, { place, highlit, theme }, crystal) {
  const [column, row] = crystal.centre;
  const [x, y] = [place.left + column * place.cellWidth, place.top + row * place.cellHeight];
  const text = String(crystal.rank);
  pen.font = `bold ${FONT}`;
  const radius = Math.max(10, pen.measureText(text).width / 2 + 5);
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = "#101418";
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = crystal.rank === highlit ? theme.chosen : "#ffffff";
  pen.stroke();
  pen.fillStyle = "#ffffff";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, x, y + 0.5);
}

function frameCell(pen, { place }, [column, row], colour, width) {
  const [w, h] = [place.cellWidth, place.cellHeight];
  const [x, y] = [place.left + column * w, place.top + row * h];
  pen.lineWidth = width + 3;
  pen.strokeStyle = "#ffffff";
  pen.strokeRect(x, y, w, h);
  pen.lineWidth = width;
  pen.strokeStyle = colour;
  pen.strokeRect(x, y, w, h);
}

// Ticks at the edges of cells: in um where the step is known, else numbers of cells.
function paintAxes(pen, { grid, place, theme }) {
  const unit = grid.step_um ? "\u00b5m" : "cells";
  const [stepX, stepY] = stepOf(grid);
  const bottom = place.top + place.cellHeight * grid.rows;
  pen.fillStyle = pen.strokeStyle = theme.text;
  pen.lineWidth = 1;
  pen.font = FONT;
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const cell of ticks(grid.columns, place.cellWidth, 52)) {
    const x = place.left + cell * place.cellWidth;
    line(pen, x, bottom, x, bottom + 5);
    pen.fillText(number(cell * stepX, 5), x, bottom + 7);
  }
  const middle = place.left + (place.cellWidth * grid.columns) / 2;
  pen.fillText(`along rows (${unit})`, middle, bottom + 23);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const cell of ticks(grid.rows, place.cellHeight, 26)) {
    const y = place.top + cell * place.cellHeight;
    line(pen, place.left - 5, y, place.left, y);
    pen.fillText(number(cell * stepY, 5), place.left - 8, y);
  }
  pen.save();
  pen.translate(place.left - 44, place.top + (place.cellHeight * grid.rows) / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(unit, 0, 0);
  pen.restore();
}

function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

function ticks(cells, size, apart) {
  const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((n) => n * size >= apart) ?? cells;
  return Array.from({ length: Math.floor(cells / every) + 1 }, (_, k) => k * every);
}
