// The client for a bundler. It reads its options from the script tag of the bundle, or from <html> where that tag is a
// module.
import './client.min.js';

const {global = 'eventcollect'} = (document.currentScript || document.documentElement).dataset;
const client = window[global];

export default client;
export const {send, flush, off, on} = client;
