// Package docs has no code: its tests hold the references of the whole module
// to what they refer to, so that a reader can follow each of them.
package docs
