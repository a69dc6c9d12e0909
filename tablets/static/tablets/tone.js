/**
 * Sound and vibration. Browsers let a page sound only after somebody has touched it: until then `ready()` says false, and
 * the screen says that the alarm is silent.
 */

/** @typedef {"call"|"stop"|"gone"|"offer"|"chime"} Alarm */

/** @type {Record<Alarm, {notes: [hz: number, at: number, long: number][], every: number, shake: number[], loud: number}>} */
const ALARMS = {
  call: { notes: [[880, 0, 0.16], [1175, 0.18, 0.16], [880, 0.36, 0.16], [1175, 0.54, 0.3]], every: 2200, shake: [300, 100, 300, 100, 500], loud: 0.9 },
  stop: { notes: [[1400, 0, 0.22], [700, 0.24, 0.22], [1400, 0.48, 0.22], [700, 0.72, 0.22]], every: 1300, shake: [800, 100, 800], loud: 1 },
  gone: { notes: [[784, 0, 0.25], [587, 0.28, 0.25], [392, 0.56, 0.5]], every: 2600, shake: [500, 200, 500], loud: 0.9 },
  offer: { notes: [[659, 0, 0.18], [880, 0.2, 0.3]], every: 5000, shake: [200, 100, 200], loud: 0.6 },
  chime: { notes: [[988, 0, 0.12]], every: 0, shake: [80], loud: 0.35 },
};

/** @type {AudioContext|null} */
let context = null;
/** @type {Alarm|null} */
let ringing = null;
/** @type {ReturnType<typeof setInterval>|undefined} */
let timer;

/** Whether a sound would be heard now. */
export function ready() {
  return context?.state === "running";
}

/**
 * Get ready to sound; call it from whatever somebody does with the page.
 * @returns {Promise<boolean>}
 */
export async function prepare() {
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") await context.resume();
  } catch {
    // No sound card, or the browser says no: the screen and the vibration remain.
  }
  return ready();
}

/**
 * Ring until told otherwise; null is silence. Ringing what rings already changes nothing.
 * @param {Alarm|null} alarm
 */
export function ring(alarm) {
  if (alarm === ringing) return;
  clearInterval(timer);
  ringing = alarm;
  if (!alarm) {
    navigator.vibrate?.(0);
    return;
  }
  sound(alarm);
  timer = setInterval(() => sound(alarm), ALARMS[alarm].every);
}

/**
 * Sound once.
 * @param {Alarm} alarm
 */
export function sound(alarm) {
  const { notes, shake, loud } = ALARMS[alarm];
  navigator.vibrate?.(shake);
  if (!context || context.state !== "running") return;
  const begin = context.currentTime + 0.02;
  for (const [hz, at, long] of notes) {
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    // A square wave carries over traffic; the ramps keep it from cracking a small loudspeaker.
    oscillator.type = "square";
    oscillator.frequency.value = hz;
    gain.gain.setValueAtTime(0, begin + at);
    gain.gain.linearRampToValueAtTime(loud * 0.5, begin + at + 0.01);
    gain.gain.setValueAtTime(loud * 0.5, begin + at + long - 0.02);
    gain.gain.linearRampToValueAtTime(0, begin + at + long);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(begin + at);
    oscillator.stop(begin + at + long + 0.02);
  }
}
