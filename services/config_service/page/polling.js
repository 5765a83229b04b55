// What the stream does not carry is asked for again and again, while somebody looks.

/** Call `ask` now and `every_ms` after each end, not while the page is hidden; returns { again, stop }. */
export function poll(ask, every_ms) {
  let timer = 0;
  let isStopped = false;
  let isAsking = false;
  let isWanted = false;
  const next = (wait_ms) => {
    clearTimeout(timer);
    if (!isStopped) timer = setTimeout(turn, wait_ms);
  };
  const turn = async () => {
    if (isAsking || document.hidden) return;
    [isAsking, isWanted] = [true, false];
    try {
      await ask();
    } finally {
      // Whatever `ask` throws goes on to the console, and the polling with it.
      isAsking = false;
      next(isWanted ? 0 : every_ms);
    }
  };
  const again = () => {
    isWanted = true;
    next(0);
  };
  document.addEventListener("visibilitychange", again);
  turn();
  return {
    again,
    stop() {
      isStopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", again);
    },
  };
}
