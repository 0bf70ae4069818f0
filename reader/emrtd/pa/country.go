package pa

import "golang.org/x/text/language"

// special are issuing states of Doc 9303-3 §5 that ISO 3166-1 does not have, or
// writes otherwise, with the country of their certificates.
var special = map[string]string{
	"D": "DE", "EUE": "EU", "UNO": "UN", "UNA": "UN", "RKS": "KS", "UTO": "UT",
	"GBD": "GB", "GBN": "GB", "GBO": "GB", "GBP": "GB", "GBS": "GB",
}

// countryOf turns the issuing state of a machine readable zone into the two
// letters of a certificate; empty when they are not known, as for organisations.
func countryOf(state string) string {
	if c := special[state]; c != "" || len(state) != 3 {
		return c
	}
	region, err := language.ParseRegion(state)
	if err != nil || !region.IsCountry() || region.ISO3() != state {
		return ""
	}
	return region.String()
}
