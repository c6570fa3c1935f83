const say = (text) => process.stderr.write(text);

/** Shows `title`, runs `work` (which resolves to false when nothing was to do), and says how it ended. */
export async function step(title, work) {
  const start = Date.now();
  const beat = heartbeat(title, start);
  try {
    const changed = await work();
    if (changed) say(`${title}: ready after ${seconds(start)} s\n`);
    return changed;
  } catch (error) {
    say(`${title}: failed after ${seconds(start)} s\n`);
    throw error;
  } finally {
    clearInterval(beat);
  }
}

const seconds = (start) => ((Date.now() - start) / 1000).toFixed(1);

/** Long steps say that they are alive: on one line of a terminal, and every 15 seconds in a log. */
function heartbeat(title, start) {
  const terminal = process.stderr.isTTY === true;
  const timer = setInterval(
    () => say(terminal ? `\r${title}: ${seconds(start)} s \r` : `${title}: ${seconds(start)} s\n`),
    terminal ? 1000 : 15_000,
  );
  timer.unref();
  return timer;
}
