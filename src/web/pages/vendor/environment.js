// virtual-core reads process.env.NODE_ENV, which browsers do not have; this stands before its import.
globalThis.process ??= { env: { NODE_ENV: 'production' } };
