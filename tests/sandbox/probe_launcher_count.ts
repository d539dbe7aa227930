/** Returns how many workers the launcher has started. */
export function startedBy(worker: Worker): Promise<unknown> {
  const { port1, port2 } = new MessageChannel();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  port1.onmessage = ({ data }) => {
    port1.close();
    resolve(data);
  };
  worker.postMessage(port2, [port2]);
  return promise;
}
