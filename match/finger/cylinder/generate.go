package cylinder

//go:generate go run -C ../../../internal/simdgen . -kernels cylinder -out ../../match/finger/cylinder/kernel_amd64.s -stubs ../../match/finger/cylinder/stubs_amd64.go -pkg cylinder
