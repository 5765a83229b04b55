// What the streams do not carry, or might have missed, is asked for again and again, while somebody looks.

const RETRY_MS = 6_000;

/**
 * Call `ask` now and `every_ms` after each end, not while the page is hidden; sooner where it comes to false or throws,
 * however seldom it is asked. Returns { again, every, stop }.
 */
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
    let isAnswered = false;
    try {
      isAnswered = await ask();
    } finally {
      // Whatever `ask` throws goes on to the console, and the polling with it.
      isAsking = false;
      const wait_ms = isAnswered ? every_ms : Math.min(every_ms, RETRY_MS);
      next(isWanted ? 0 : wait_ms);
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
    /** From now on this often: where that is oftener, at once, else the next time so long from now. */
    every(other_ms) {
      const isOftener = other_ms < every_ms;
      if (other_ms === every_ms) return;
      every_ms = other_ms;
      if (isOftener) again();
      else if (!isAsking && !isWanted) next(every_ms);
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", again);
    },
  };
}
