// The sound of a request for backup: a siren that goes on until it is told to stop, a chime, and a low signal for a watch
// that is down. A browser plays nothing before somebody has touched the page.

const LOW_EVERY_MS = 4_000;
const PATIENCE_MS = 3_000;

export class Siren {
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {{tone: OscillatorNode, sweep: OscillatorNode, volume: GainNode} | null} */
  #playing = null;
  #lowAt = 0;
  /** @type {number | null} */
  #touchedAt = null;
  #onChange;

  /** @param {() => void} onChange when it is known anew whether sound is allowed */
  constructor(onChange) {
    this.#onChange = onChange;
    try {
      this.#audio = new AudioContext();
      this.#audio.onstatechange = onChange;
      // A machine without a sound card has no sound, and a page that says so.
      void this.#audio.resume().then(onChange, onChange);
    } catch {
      this.#audio = null;
    }
    for (const gesture of ["pointerdown", "keydown"]) addEventListener(gesture, () => this.#unlock(), { capture: true });
  }

  /** Whether the browser lets this page sound. */
  get allowed() {
    return this.#audio?.state === "running";
  }

  /** Whether it was asked for with a gesture a while ago, and is still not allowed: then it is not the browser's manners. */
  get tried() {
    return this.#touchedAt !== null && performance.now() - this.#touchedAt > PATIENCE_MS;
  }

  #unlock() {
    if (this.allowed) return;
    this.#touchedAt ??= performance.now();
    try {
      this.#audio ??= new AudioContext();
      void this.#audio.resume().then(this.#onChange, this.#onChange);
    } catch {
      this.#onChange();
    }
  }

  /**
   * Let the siren go, or stop it.
   *
   * @param {boolean} on
   */
  siren(on) {
    const audio = this.#audio;
    if (!on || audio === null) {
      this.#stop();
      return;
    }
    if (this.#playing) return;
    const tone = audio.createOscillator();
    const sweep = audio.createOscillator();
    const reach = audio.createGain();
    const volume = audio.createGain();
    tone.type = "sawtooth";
    tone.frequency.value = 900;
    sweep.type = "triangle";
    sweep.frequency.value = 1.6;
    reach.gain.value = 320;
    volume.gain.value = 0.28;
    sweep.connect(reach).connect(tone.frequency);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    sweep.start();
    this.#playing = { tone, sweep, volume };
  }

  #stop() {
    if (!this.#playing) return;
    const { tone, sweep, volume } = this.#playing;
    this.#playing = null;
    tone.stop();
    sweep.stop();
    volume.disconnect();
  }

  /** Three rising tones, once. */
  chime() {
    this.#notes([[0, 660], [0.16, 880], [0.32, 1100]], "triangle", 0.3);
  }

  /**
   * Two low tones every few seconds, for as long as it is called.
   *
   * @param {number} now ms
   */
  low(now) {
    if (now - this.#lowAt < LOW_EVERY_MS) return;
    this.#lowAt = now;
    this.#notes([[0, 330], [0.3, 247]], "square", 0.16);
  }

  /**
   * @param {[number, number][]} notes [s from now, Hz]
   * @param {OscillatorType} type
   * @param {number} loud
   */
  #notes(notes, type, loud) {
    const audio = this.#audio;
    if (audio === null || audio.state !== "running") return;
    for (const [at, pitch] of notes) {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      const start = audio.currentTime + at;
      tone.type = type;
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.0001, start);
      volume.gain.exponentialRampToValueAtTime(loud, start + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.24);
      tone.connect(volume).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.26);
    }
  }
}
