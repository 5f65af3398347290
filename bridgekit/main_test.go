package bridgekit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(envChild); spec != "" {
		if err := runChild(spec); err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "bridge:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(storetest.Main(m))
}
