package judge;

import ca.uhn.fhir.context.support.ConceptValidationOptions;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.common.hapi.validation.validator.WorkerContextValidationSupportAdapter;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r5.elementmodel.Manager.FhirFormat;
import org.hl7.fhir.r5.utils.validation.ValidatorSession;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;
import org.hl7.fhir.r5.utils.validation.constants.IdStatus;
import org.hl7.fhir.r5.utils.xver.XVerExtensionManagerOld;
import org.hl7.fhir.utilities.i18n.I18nConstants;
import org.hl7.fhir.utilities.validation.ValidationMessage;
import org.hl7.fhir.validation.ValidatorSettings;
import org.hl7.fhir.validation.instance.InstanceValidator;

/**
 * HL7's instance validator over the definitions that HAPI ships in its jars, as strict as it can be without a network.
 *
 * <p>It is set up as HAPI's own FhirInstanceValidator does it, but by hand, for one reason: HL7's check of where an
 * extension may stand looks R4 up a second time, as the package `hl7.fhir.r4.core` in the user's home, and fails without
 * it. The session may hold a context for that, and HAPI's class makes its session out of reach.
 */
class Validator {
    /** HL7's name of R4 where it iterates over versions; it never equals "4.0.1", hence the second look-up. */
    private static final String R4_MINOR = "4.0";

    /** Systems of which CommonCodeSystemsTerminologyService knows every code: an unknown code there is a mistake. */
    private static final Set<String> KNOWN_WHOLE = Set.of(
            "urn:iso:std:iso:3166",
            "urn:iso:std:iso:3166:-2",
            "urn:iso:std:iso:4217",
            "urn:ietf:bcp:47",
            "urn:ietf:bcp:13",
            "http://unitsofmeasure.org",
            "https://www.usps.com/");

    private final ValidationSupportChain chain;
    private final WorkerContextValidationSupportAdapter context;
    private final FhirInstanceValidator asHapi;
    private final ValidatorSession session = new ValidatorSession();

    /** The one for all files, if there is to be one. */
    private final InstanceValidator kept;

    Validator(Definitions definitions, boolean keep) {
        chain = new ValidationSupportChain(
                new DefaultProfileValidationSupport(Definitions.R4),
                definitions,
                new CommonCodeSystemsTerminologyService(Definitions.R4),
                new DisplaysToo(),
                new UnknownSystems(),
                new SnapshotGeneratingValidationSupport(Definitions.R4));
        chain.setCodeableConceptValidationSuccessfulIfNotAllCodingsAreValid(true); // R4: one of the codings is enough
        context = WorkerContextValidationSupportAdapter.newVersionSpecificWorkerContextWrapper(chain);
        asHapi = new FhirInstanceValidator(chain);
        session.getOtherVersions().put(R4_MINOR, context);
        kept = keep ? made() : null;
    }

    /** R4's own definition of a type, as JSON in one line. */
    String definition(String type) {
        var definition = chain.fetchStructureDefinition("http://hl7.org/fhir/StructureDefinition/" + type);
        return Definitions.R4.newJsonParser().encodeResourceToString(definition);
    }

    List<Issue> validate(byte[] content) {
        var messages = new ArrayList<ValidationMessage>();
        try {
            var validator = kept == null ? made() : kept;
            validator.validate(null, messages, new ByteArrayInputStream(content), format(content), new ArrayList<>());
        } catch (Exception | StackOverflowError e) {
            return List.of(Issue.crash(e));
        }
        return messages.stream()
                .filter(m -> !I18nConstants.TERMINOLOGY_TX_BINDING_NOSOURCE.equals(m.getMessageId()))
                .map(m -> unknownProfile(m) ? Issue.of(m).asError() : Issue.of(m))
                .toList();
    }

    /** A new one for each file, as HAPI does it, 10 ms: a kept one remembers more and more. */
    private InstanceValidator made() {
        var validator = new InstanceValidator(
                context,
                new FhirInstanceValidator.NullEvaluationContext(),
                new XVerExtensionManagerOld(context),
                session,
                new ValidatorSettings());
        validator.setPolicyAdvisor(asHapi.getValidatorPolicyAdvisor());
        validator.setAssumeValidRestReferences(true); // also checks the types of reference answers in a response
        validator.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
        validator.setAnyExtensionsAllowed(false);
        validator.setErrorForUnknownProfiles(true);
        validator.setUnknownCodeSystemsCauseErrors(true);
        validator.setResourceIdRule(IdStatus.OPTIONAL);
        return validator;
    }

    private static FhirFormat format(byte[] content) {
        for (byte b : content) {
            if (b == '{' || b == '<') {
                return b == '<' ? FhirFormat.XML : FhirFormat.JSON;
            }
        }
        return FhirFormat.JSON;
    }

    private static boolean unknownProfile(ValidationMessage m) {
        return I18nConstants.VALIDATION_VAL_PROFILE_UNKNOWN.equals(m.getMessageId())
                || I18nConstants.VALIDATION_VAL_PROFILE_UNKNOWN_NOT_POLICY.equals(m.getMessageId());
    }

    /** HAPI's adapter never asks whether a display fits its code; HL7's validator does. */
    private static class DisplaysToo extends InMemoryTerminologyServerValidationSupport {
        DisplaysToo() {
            super(Definitions.R4);
            setIssueSeverityForCodeDisplayMismatch(IssueSeverity.ERROR);
        }

        @Override
        public CodeValidationResult validateCode(
                ValidationSupportContext x, ConceptValidationOptions o, String system, String code, String display, String set) {
            return super.validateCode(x, o.setValidateDisplay(true), system, code, display, set);
        }

        @Override
        public CodeValidationResult validateCodeInValueSet(
                ValidationSupportContext x, ConceptValidationOptions o, String system, String code, String display, IBaseResource set) {
            return super.validateCodeInValueSet(x, o.setValidateDisplay(true), system, code, display, set);
        }
    }

    /** A code of a system nobody here defines is an error; a wrong code of a system known as a whole is not excused as one. */
    private static class UnknownSystems extends UnknownCodeSystemWarningValidationSupport {
        UnknownSystems() {
            super(Definitions.R4);
            setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.ERROR);
        }

        @Override
        public CodeValidationResult validateCode(
                ValidationSupportContext x, ConceptValidationOptions o, String system, String code, String display, String set) {
            return known(system) ? null : super.validateCode(x, o, system, code, display, set);
        }

        @Override
        public CodeValidationResult validateCodeInValueSet(
                ValidationSupportContext x, ConceptValidationOptions o, String system, String code, String display, IBaseResource set) {
            return known(system) ? null : super.validateCodeInValueSet(x, o, system, code, display, set);
        }

        private static boolean known(String system) {
            boolean hl7 = system != null && system.startsWith("http://hl7.org/fhir/") && !system.startsWith("http://hl7.org/fhir/sid/");
            return system == null || system.isBlank() || hl7 || KNOWN_WHOLE.contains(system);
        }
    }
}
