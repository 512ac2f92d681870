// How a command may end other than well.

/** The server refused; `error` is its numbered body. */
export class Refused extends Error {
  constructor(error) {
    super(error.what);
    this.error = error;
  }
}

/** The connection was cut before the reply came, and the command is not one that may be repeated blindly. */
export class ConnectionLost extends Error {}

/** For the catch of an act that may quietly not happen: throws what is neither of the two. */
export function expectRefusal(error) {
  if (!(error instanceof Refused || error instanceof ConnectionLost)) throw error;
}

/** Does something, and gives null when it was done, or the numbered error; 0 when the connection was cut. */
export async function outcome(work) {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.error;
    if (error instanceof ConnectionLost) return { code: 0 };
    throw error;
  }
}
