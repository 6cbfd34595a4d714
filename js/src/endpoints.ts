// What serves and connects, with all that it takes: loaded by whoever is the first to do so, and not with the library.

import './client/peers'
import './serve/reference_calls'

export { offerAndConnect } from './offered'
export { Service } from './serve/service'
