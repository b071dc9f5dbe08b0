// Smooth strokes: the One Euro filter (Casiez et al., CHI 2012) takes the tremor out; curves through midpoints
// take the corners out.
//
// Slow movements are smoothed strongly, fast ones hardly, so the line never lags far behind the pointer.

const SPEED_WEIGHT = 0.012; // Hz per CSS pixel and second: how much faster movements are smoothed less
const SPEED_CUTOFF = 1; // Hz
const STEP = 2; // CSS pixels between the points of a curve

/** The weight of a new value. */
const share = (cutoff, seconds) => 1 / (1 + 1 / (2 * Math.PI * cutoff * seconds));

/** A quadratic curve. */
const bezier = (from, bend, to, t) => (1 - t) * (1 - t) * from + 2 * t * (1 - t) * bend + t * t * to;

export class Smoother {
  /**
   * @param {number} strength  0 (the pointer's own path) to 1
   * @param {number} scale  CSS pixels per map pixel: hands move on screens
   * @param {(x: number, y: number, pressure: number) => void} emit
   */
  constructor(strength, scale, emit) {
    this.cutoff = strength > 0 ? 0.8 * 20 ** (1 - strength) : Infinity; // Hz, of a pointer at rest
    this.scale = scale;
    this.emit = emit;
    this.count = 0;
  }

  /** The next point of the pointer. @param {number} time  milliseconds */
  to(x, y, pressure, time) {
    if (this.cutoff === Infinity) return this.emit(x, y, pressure);
    if (!this.count++) {
      Object.assign(this, { rawX: x, rawY: y, time, speedX: 0, speedY: 0, x, y, pressure, middleX: x, middleY: y });
      this.middlePressure = pressure;
      return this.emit(x, y, pressure);
    }

    // Eq. 4 and 5 of the paper: x <- x + a (raw - x), a = 1 / (1 + rate / (2 pi cutoff)).
    const seconds = Math.max(time - this.time, 1) / 1000;
    const slow = share(SPEED_CUTOFF, seconds);
    this.speedX += slow * ((x - this.rawX) / seconds - this.speedX);
    this.speedY += slow * ((y - this.rawY) / seconds - this.speedY);
    const speed = Math.hypot(this.speedX, this.speedY) * this.scale;
    const near = share(this.cutoff + SPEED_WEIGHT * speed, seconds);
    const lastX = this.x;
    const lastY = this.y;
    const lastPressure = this.pressure;
    this.x += near * (x - lastX);
    this.y += near * (y - lastY);
    this.pressure += near * (pressure - lastPressure);
    this.rawX = x;
    this.rawY = y;
    this.time = time;

    // A curve from the last middle to the next, bent towards the point between them.
    const middleX = (lastX + this.x) / 2;
    const middleY = (lastY + this.y) / 2;
    const middlePressure = (lastPressure + this.pressure) / 2;
    const length = Math.hypot(middleX - this.middleX, middleY - this.middleY) * this.scale;
    const steps = Math.max(1, Math.min(64, Math.ceil(length / STEP)));
    for (let step = 1; step <= steps; step++) {
      const t = step / steps;
      const heavy = this.middlePressure + t * (middlePressure - this.middlePressure);
      this.emit(bezier(this.middleX, lastX, middleX, t), bezier(this.middleY, lastY, middleY, t), heavy);
    }
    this.middleX = middleX;
    this.middleY = middleY;
    this.middlePressure = middlePressure;
  }

  /** The pointer was lifted: the line ends where it was. */
  finish() {
    if (this.count > 1) {
      this.emit(this.x, this.y, this.pressure);
      this.emit(this.rawX, this.rawY, this.pressure);
    }
  }

  /** The pointer rests: the line catches up. */
  rest(time) {
    if (this.count) this.to(this.rawX, this.rawY, this.pressure, time);
  }
}
