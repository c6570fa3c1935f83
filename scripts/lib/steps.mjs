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

/** A step that takes a while is named, then shows its seconds: on one line of a terminal, in a log now and then. */
function heartbeat(title, start) {
  const terminal = process.stderr.isTTY === true;
  let beats = 0;
  const timer = setInterval(() => {
    beats++;
    if (terminal) say(`\r${title}: ${seconds(start)} s \r`);
    else if (beats === 1 || beats % 15 === 0) say(`${title}: ${seconds(start)} s ...\n`);
  }, 1000);
  timer.unref();
  return timer;
}
