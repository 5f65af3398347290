package store

import "time"

// Hasten makes db notice sooner that the server is silent.
func (db *DB) Hasten(silence time.Duration) { db.silence = silence }
