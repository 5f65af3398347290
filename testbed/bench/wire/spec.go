package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// EnvSpec is the environment variable that makes the program one of the
// benchmark's children: it holds a Spec.
const EnvSpec = "CAUSEWAY_BENCH_CHILD"

// The roles of children.
const (
	RoleStub     = "stub"
	RoleCauseway = "causeway"
	RolePeer     = "bridgev2"
)

// Domain is the homeserver's name, and Owner the one local person.
const (
	Domain = "bench"
	Owner  = "@owner:" + Domain
)

// A Spec is all that a child needs to know.
type Spec struct {
	Role    string
	Program string // path; empty: the parent's own
	Control string // address for calls
	Listen  string // address for HTTP
	// The rest is for subjects only.
	Dir        string // for its files; may hold those of an earlier run
	Homeserver string // the stub's base URL
	ASToken    string
	HSToken    string
	// Verbose: log to standard error what an administrator would see.
	Verbose bool
}

// FromEnv is the Spec that the parent has given; false: this is no child.
func FromEnv() (s Spec, ok bool, err error) {
	text := os.Getenv(EnvSpec)
	if text == "" {
		return s, false, nil
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, true, fmt.Errorf("read %s: %w", EnvSpec, err)
	}
	return s, true, nil
}

// Main is the main function of a child that is a program of its own: it runs what
// the parent wants until it is told to end.
func Main(run func(context.Context, Spec) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	spec, ok, err := FromEnv()
	if err == nil && !ok {
		err = errors.New("this is a part of the benchmark: go run -C testbed ./bench")
	}
	if err == nil {
		err = run(ctx, spec)
	}
	told := ctx.Err() != nil
	stop()
	if err != nil && !told {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Env is the environment entry that FromEnv reads.
func (s Spec) Env() (string, error) {
	b, err := json.Marshal(s)
	return EnvSpec + "=" + string(b), err
}

// Nothing is the argument or the reply of calls that have none.
type Nothing struct{}

// A Subject's methods, by their names in calls.
const (
	SubjectReady    = "Subject.Ready"
	SubjectDeliver  = "Subject.Deliver"
	SubjectAccepted = "Subject.Accepted"
	SubjectExpect   = "Subject.Expect"
	SubjectArrivals = "Subject.Arrivals"
	SubjectProfile  = "Subject.Profile"
)

// The stub's methods.
const (
	StubRegister = "Stub.Register"
	StubTune     = "Stub.Tune"
	StubExpect   = "Stub.Expect"
	StubArrivals = "Stub.Arrivals"
	StubCounts   = "Stub.Counts"
	StubPush     = "Stub.Push"
)

type (
	// An Appservice is registered with the stub, which knows it by ASToken.
	Appservice struct {
		ASToken, HSToken, URL, Sender string
	}
	// Tuning changes how the stub answers one appservice.
	Tuning struct {
		ASToken string
		Latency time.Duration // before each answer
		Down    bool          // 503 instead of an answer
	}
	// An Expectation begins a new tally of messages First to First+Count-1.
	Expectation struct {
		ASToken      string // for the stub
		First, Count int
	}
	// A Waiting asks for the tally once N messages have arrived, after Most at
	// the latest, or when some have and then none for Quiet (0: not asked).
	Waiting struct {
		ASToken     string
		N           int
		Most, Quiet time.Duration
	}
	// Arrivals are a tally. At is indexed by number minus First; 0: not arrived.
	Arrivals struct {
		At         []int64
		N          int
		Doubled    int // arrived again
		Disordered int // came before an earlier one of their chat
		Recognised int // repetitions that the network recognised
	}
	// Counts are requests since the last Expectation.
	Counts struct {
		Requests int64
		// BeforeFirst are those before the first message that arrived.
		BeforeFirst int64
	}
	// A Push is transactions of messages into the rooms of chats, each when the
	// one before is answered.
	Push struct {
		ASToken string
		Load
		PerTxn int
		// Keep tries what is refused again until it is taken or Most is over.
		Most time.Duration
	}
	// Pushed says when each transaction was sent and answered with 200; 0: not.
	Pushed struct{ Sent, Answered []int64 }
	// Delivered says what became of a Load.
	Delivered struct {
		Began, Ended int64
		At           []int64 // when each was handed over; only of a paced load
	}
	// A Status is told once the subject is ready.
	Status struct {
		Pid   int
		Ready int64 // when it was
	}
)
