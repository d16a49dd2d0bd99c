// What Node gets in place of the client, where a page is rendered on a server: it sends nothing.
export const send = async () => ({code: 'off'});
export const flush = async () => {};
export const off = () => {};
export const on = () => {};
export default {send, flush, off, on, push: send, with: () => {}};
