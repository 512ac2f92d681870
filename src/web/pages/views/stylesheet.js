// Style that comes with the parts that need it.

const asked = new Map();

/** Loads a sheet once. What does not come is asked for again the next time. */
export function stylesheet(name) {
  if (!asked.has(name)) {
    asked.set(
      name,
      new Promise((done, failed) => {
        const link = document.createElement('link');
        link.rel = 'stylesheet';
        link.href = `${document.documentElement.dataset.prefix}/${name}`;
        link.addEventListener('load', done);
        link.addEventListener('error', () => {
          asked.delete(name);
          link.remove();
          failed(new Error(`no ${name}`));
        });
        document.head.append(link);
      }),
    );
  }
  return asked.get(name);
}
