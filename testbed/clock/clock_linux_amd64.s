#include "textflag.h"

// The runtime's pointer to the kernel's clock_gettime is replaced by one to moved; kept is
// what it was.
DATA kept<>+0(SB)/8, $0
GLOBL kept<>(SB), NOPTR, $8

DATA seconds<>+0(SB)/8, $0
GLOBL seconds<>(SB), NOPTR, $8

// func shift(seconds int64) bool
TEXT ·shift(SB), NOSPLIT, $0-9
	MOVB $1, ret+8(FP)
	MOVQ seconds+0(FP), CX
	MOVQ CX, seconds<>(SB)
	CMPQ kept<>(SB), $0
	JNE  done
	MOVQ runtime·vdsoClockgettimeSym(SB), AX
	CMPQ AX, $0
	JEQ  none
	MOVQ AX, kept<>(SB)
	LEAQ moved<>(SB), AX
	MOVQ AX, runtime·vdsoClockgettimeSym(SB)

done:
	RET

none:
	MOVB $0, ret+8(FP)
	RET

// moved is clock_gettime(DI clock, SI *timespec), called by the runtime on a system stack
// as C functions are: the stack is aligned before the call, and BX, BP and R12 to R15 are
// the caller's.
TEXT moved<>(SB), NOSPLIT|NOFRAME, $0-0
	SUBQ $24, SP
	MOVQ DI, 0(SP)
	MOVQ SI, 8(SP)
	MOVQ kept<>(SB), AX
	CALL AX
	MOVQ 0(SP), DI
	MOVQ 8(SP), SI
	CMPL DI, $0 // CLOCK_REALTIME
	JNE  same
	MOVQ seconds<>(SB), CX
	ADDQ CX, 0(SI)

same:
	ADDQ $24, SP
	RET
