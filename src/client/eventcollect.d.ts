/** What became of an event: stored, or not, with the code of the reason. */
export type Verdict = {accepted: true; code?: undefined} | {accepted?: undefined; code: string};

/** Whatever JSON can hold. */
export type Properties = Record<string, unknown>;

export interface Client {
  /** Never rejects. Resolves once the server, or the client itself, has decided. */
  send(name: string, properties?: Properties): Promise<Verdict>;
  /** The same for `[name, properties]`: before the client has loaded, `eventcollect` may be an array. */
  push(event: [name: string, properties?: Properties]): Promise<Verdict>;
  /** Adds properties to all events from now on, beside their own. Returns all that were added, `visit` included. */
  with(properties?: Properties): Properties;
  /** Sends what is queued now, unless the server has asked to be left alone. */
  flush(): Promise<void>;
  /** Deletes the queue, and collects nothing in this browser until on() is called. */
  off(): void;
  on(): void;
}

declare const eventcollect: Client;
export default eventcollect;
export const send: Client['send'];
export const flush: Client['flush'];
export const off: Client['off'];
export const on: Client['on'];

declare global {
  interface Window {
    eventcollect: Client;
  }
}
