package reader

// progress turns the bytes read of each file into a share of the whole. Sizes
// that are not known yet are estimated by those of usual cards.
type progress struct {
	tell  func(share float64, file string)
	sizes map[string]int
	done  map[string]int
	last  float64
}

func newProgress(tell func(float64, string)) *progress {
	return &progress{
		tell:  tell,
		sizes: map[string]int{"COM": 24, "SOD": 2000, "DG1": 95, "DG13": 400, "DG2": 20000},
		done:  make(map[string]int),
	}
}

// file returns the callback for one file; shares never go back.
func (p *progress) file(name string) func(done, size int) {
	return func(done, size int) {
		if p.tell == nil {
			return
		}
		p.done[name], p.sizes[name] = done, size
		sum, total := 0, 0
		for n, size := range p.sizes {
			sum, total = sum+p.done[n], total+size
		}
		p.last = max(p.last, float64(sum)/float64(total))
		p.tell(p.last, name)
	}
}
