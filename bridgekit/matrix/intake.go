package matrix

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"maunium.net/go/mautrix/id"
)

// maxBody is the longest transaction in bytes. A homeserver sends 100 events of
// 64 KiB and as much of other kinds; what it sends has to be taken, so the
// limit is only there to keep a broken one from filling the memory.
const maxBody = 128 << 20

// An Intake is the handler for what the homeserver sends us (Application
// Service API, "Pushing events" and the queries). The functions are called
// concurrently, each with the context of its request.
type Intake struct {
	HSToken string
	Log     *slog.Logger // default: none
	// Events stores a transaction durably and returns nil, or returns why it
	// could not. The same events can come again, in other transactions and
	// in another order, and a transaction's ID can come again with more
	// events: only event IDs tell what is new.
	Events func(context.Context, Transaction) error
	// User reports whether a ghost that the homeserver does not know exists
	// now; nil: none does.
	User func(context.Context, id.UserID) bool
	// Room reports whether an alias that it does not know exists now.
	Room func(ctx context.Context, alias string) bool
	// OnPing is told a ping's transaction ID; nil: nobody is.
	OnPing func(txn string)
}

// Handler serves the appservice endpoints, also on the paths without prefix of
// servers from before 2018.
//
// A request that does not carry the token is refused before its body is read.
// For one that does, any answer but 200 makes the homeserver send it again for
// ever and nothing else until then. So a transaction is never refused for its
// content: its parts go to Events as they are, however odd. Only what is no JSON
// at all gets a 400, because there is nothing in it to take, and because a
// body that was cut on the way looks just so and will be whole the next time.
// A failure of Events gets a 500.
func (i *Intake) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, prefix := range []string{"/_matrix/app/v1", "/_matrix/app/unstable", ""} {
		mux.HandleFunc("PUT "+prefix+"/transactions/{txn}", i.transaction)
		mux.HandleFunc("GET "+prefix+"/users/{user}", i.user)
		mux.HandleFunc("GET "+prefix+"/rooms/{alias}", i.room)
		mux.HandleFunc("POST "+prefix+"/ping", i.ping)
		mux.HandleFunc("GET "+prefix+"/thirdparty/protocol/{protocol}", notFound)
		mux.HandleFunc("GET "+prefix+"/thirdparty/{kind}", nobody)
		mux.HandleFunc("GET "+prefix+"/thirdparty/{kind}/{protocol}", nobody)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, code, words := i.authenticate(r); status != 0 {
			refuse(w, status, code, words)
			return
		}
		defer i.recover(w, r)
		h, pattern := mux.Handler(r)
		switch {
		case pattern == "" && knownPath(mux, r):
			refuse(w, http.StatusMethodNotAllowed, codeUnrecognized, "method not allowed here")
		case pattern == "":
			refuse(w, http.StatusNotFound, codeUnrecognized, "unknown endpoint")
		default:
			// Only ServeHTTP sets path values.
			_ = h
			mux.ServeHTTP(w, r)
		}
	})
}

// knownPath reports whether another method exists for the path.
func knownPath(mux *http.ServeMux, r *http.Request) bool {
	for _, method := range []string{http.MethodPut, http.MethodGet, http.MethodPost} {
		other := *r
		other.Method = method
		if _, pattern := mux.Handler(&other); pattern != "" {
			return true
		}
	}
	return false
}

// authenticate compares the token in constant time. The query parameter is how
// it came before v1.4; some servers send both.
func (i *Intake) authenticate(r *http.Request) (status int, code, words string) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		token = r.URL.Query().Get("access_token")
	}
	if token == "" {
		return http.StatusUnauthorized, "M_UNAUTHORIZED", "no token given"
	}
	// Hashed, so that the length does not show either.
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(i.HSToken))
	if i.HSToken == "" || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return http.StatusForbidden, codeForbidden, "wrong token"
	}
	return 0, "", ""
}

// recover answers 500 for a panic in one of the functions, and logs it: the
// homeserver tries again, and the others' requests go on.
func (i *Intake) recover(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	i.log().Error("intake panicked", "path", r.URL.Path, "panic", fmt.Sprint(p))
	refuse(w, http.StatusInternalServerError, "M_UNKNOWN", "internal error")
}

func (i *Intake) log() *slog.Logger {
	if i.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return i.Log
}

func (i *Intake) transaction(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		i.log().Error("transaction is too long", "txn", r.PathValue("txn"), "limit", maxBody)
		refuse(w, http.StatusRequestEntityTooLarge, codeTooLarge, "transaction is too long")
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "M_NOT_JSON", "body broke off")
		return
	}
	t, ok := ParseTransaction(raw)
	if !ok {
		i.log().Error("transaction is not JSON", "txn", r.PathValue("txn"), "bytes", len(raw))
		refuse(w, http.StatusBadRequest, "M_NOT_JSON", "not JSON")
		return
	}
	t.ID = r.PathValue("txn")
	if i.Events != nil {
		if err := i.Events(r.Context(), t); err != nil {
			i.log().Error("store transaction", "txn", t.ID, "events", len(t.Events), "err", err)
			refuse(w, http.StatusInternalServerError, "M_UNKNOWN", "cannot store")
			return
		}
	}
	accept(w)
}

func (i *Intake) user(w http.ResponseWriter, r *http.Request) {
	if i.User != nil && i.User(r.Context(), id.UserID(r.PathValue("user"))) {
		accept(w)
		return
	}
	notFound(w, r)
}

func (i *Intake) room(w http.ResponseWriter, r *http.Request) {
	if i.Room != nil && i.Room(r.Context(), r.PathValue("alias")) {
		accept(w)
		return
	}
	notFound(w, r)
}

func (i *Intake) ping(w http.ResponseWriter, r *http.Request) {
	var body struct {
		TransactionID string `json:"transaction_id"`
	}
	// A ping without a readable ID is a ping nonetheless.
	_ = json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&body)
	if i.OnPing != nil {
		i.OnPing(body.TransactionID)
	}
	accept(w)
}

func accept(w http.ResponseWriter) { answer(w, http.StatusOK, "{}") }

// nobody answers the third-party lookups: we offer none.
func nobody(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "[]") }

func notFound(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusNotFound, "M_NOT_FOUND", "not found")
}

func refuse(w http.ResponseWriter, status int, code, words string) {
	answer(w, status, fmt.Sprintf(`{"errcode":%q,"error":%q}`, code, words))
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // who is gone needs no answer
}
