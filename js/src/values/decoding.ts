/**
 * How integers arrive: 'mixed', safe ones as number and others as BigInt; 'bigint', all as BigInt;
 * 'error', as number or not at all.
 */
export type Int64 = 'mixed' | 'bigint' | 'error'

export interface DecodeOptions {
  int64?: Int64
}

/** The streams that a message carries, for what is decoded of it. */
export interface CarriedStreams {
  /** The one that stands at such a place; undefined when there is none, or it was asked for before. */
  take(place: number): object | undefined
}

/** Makes what stands here for the functions and objects of the other side. An id below zero is that of a retained one. */
export interface ArrivingReferences {
  function(id: number): object
  object(id: number, names: readonly string[]): object
}
