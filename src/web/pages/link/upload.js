// Files to the server: progress, cancel, a few at once.

import { UPLOADS_AT_ONCE } from '../limits.js';

/** The upload failed; `error` is the server's numbered body, or null when it could not be reached. */
export class UploadFailed extends Error {
  constructor(status, error) {
    super(error?.what ?? `status ${status}`);
    this.status = status;
    this.error = error;
  }
}

let running = 0;
const waiting = [];

/**
 * @param {Blob} file
 * @param {string} name
 * @param {(share: number) => void} onProgress 0 to 1
 * @returns {{done: Promise<{key: string, name: string, size_bytes: number, media_type: string, width?: number, height?: number}>, cancel: () => void}}
 */
export function upload(file, name, onProgress) {
  const request = new XMLHttpRequest();
  let cancelled = false;
  const done = new Promise((resolve, reject) => {
    const go = () => {
      if (cancelled) return reject(new UploadFailed(-1, null));
      running += 1;
      const over = () => {
        running -= 1;
        waiting.shift()?.();
      };
      request.open('POST', `/files?name=${encodeURIComponent(name)}`);
      request.setRequestHeader('content-type', file.type || 'application/octet-stream');
      request.responseType = 'json';
      request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
      request.onload = () => {
        over();
        if (request.status >= 200 && request.status < 300 && request.response?.key) resolve(request.response);
        else reject(new UploadFailed(request.status, request.response));
      };
      request.onerror = () => {
        over();
        reject(new UploadFailed(0, null));
      };
      request.onabort = () => {
        over();
        reject(new UploadFailed(-1, null));
      };
      request.send(file);
    };
    if (running < UPLOADS_AT_ONCE) go();
    else waiting.push(go);
  });
  return {
    done,
    cancel() {
      cancelled = true;
      request.abort();
    },
  };
}
